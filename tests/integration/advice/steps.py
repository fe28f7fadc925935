"""What commands print between a new project and a merged mission; each function takes a fresh repository."""

from __future__ import annotations

import json

from tests.integration.advice.pasting import (
    CODE,
    Shown,
    accepted,
    approved,
    one,
    refusal,
    say,
    submitted,
)
from tests.integration.stage import SLUG, Stage


def no_project(stage: Stage) -> Shown:
    folder = stage.root.parent / "elsewhere"
    folder.mkdir()
    return Shown(say(stage, "status", folder=folder))


def no_mission(stage: Stage) -> Shown:
    return Shown(say(stage, "init"))


def none_to_choose(stage: Stage) -> Shown:
    say(stage, "init")
    return Shown(say(stage, "status"))


def a_title(stage: Stage) -> Shown:
    say(stage, "init")
    return Shown(say(stage, "specify"))


def specified(stage: Stage) -> Shown:
    say(stage, "init")
    return Shown(say(stage, "specify", "Search"))


def planned(stage: Stage) -> Shown:
    say(stage, "init")
    say(stage, "specify", "Search")
    shown = say(stage, "plan", "--mission", "001-search")
    tasks = stage.root / "kitty-specs" / "001-search" / "tasks.md"
    tasks.write_text("## WP01 Parse\n\nParse it.\n")
    return Shown(shown)


def a_package_s_title(stage: Stage) -> Shown:
    one(stage)
    return Shown(say(stage, "tasks", "add", SLUG))


def a_change(stage: Stage) -> Shown:
    one(stage)
    return Shown(say(stage, "tasks", "edit", "WP01"))


def a_package_was_added(stage: Stage) -> Shown:
    one(stage)
    return Shown(say(stage, "tasks", "add", SLUG, "Query"))


def no_workspace(stage: Stage) -> Shown:
    one(stage)
    return Shown(say(stage, "workspace", "list"))


def strategy(stage: Stage) -> Shown:
    accepted(stage)
    return Shown(say(stage, "merge", "--strategy", "sqash"))


def not_accepted(stage: Stage) -> Shown:
    approved(stage)
    return Shown(say(stage, "merge"))


def merged(stage: Stage) -> Shown:
    accepted(stage)
    return Shown(say(stage, "merge"))


def on_a_branch(stage: Stage) -> Shown:
    origin = stage.root.parent / "origin.git"
    stage.git("clone", "-q", "--bare", str(stage.root), str(origin))
    stage.git("remote", "add", "origin", str(origin))
    accepted(stage)
    return Shown(say(stage, "merge", "--branch", "search"))


def from_its_workspace(stage: Stage) -> Shown:
    accepted(stage)
    workspace = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    return Shown(say(stage, "merge", "--mission", SLUG, folder=workspace), stage.root.parent)


def not_merged(stage: Stage) -> Shown:
    accepted(stage)
    return Shown(say(stage, "mission", "tidy", SLUG, "--yes"))


def update_of_approved_work(stage: Stage) -> Shown:
    approved(stage)
    return Shown(say(stage, "update", "WP01"))


def sent_back_without_a_review(stage: Stage) -> Shown:
    approved(stage)
    return Shown(say(stage, "move", "WP01", "in_progress"))


def begun_with_subtasks(stage: Stage) -> Shown:
    stage.write_mission({"WP01": {"subtasks": ["T001"]}})
    return Shown(say(stage, "implement", "WP01"))


def backed_up(stage: Stage) -> Shown:
    one(stage)
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ann", note="n")
    return Shown(say(stage, "backup", str(stage.root.parent / "backup.tar.gz")))


def work_on_another_branch(stage: Stage) -> Shown:
    one(stage)
    say(stage, "implement", "WP01")
    workspace = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    stage.git("switch", "-q", "-c", "mine", folder=workspace)
    stage.commit(CODE, folder=workspace)
    return Shown(say(stage, "implement", "WP01", "--done"), workspace)


def in_use(stage: Stage) -> Shown:
    owned = {"owned_files": ["src/**"]}
    stage.write_mission({"WP01": owned, "WP02": owned})
    say(stage, "implement", "WP01")
    workspace = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    stage.commit(CODE, folder=workspace)
    say(stage, "move", "WP01", "blocked", "--note", "later")
    return Shown(say(stage, "implement", "WP02", "--actor", "ann", folder=workspace), workspace)


def another_s_claim(stage: Stage) -> Shown:
    one(stage)
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ann")
    return Shown(refusal(stage, "release-claim", wp="WP01", actor="bob", note="n"))


def open_subtasks(stage: Stage) -> Shown:
    stage.write_mission({"WP01": {"subtasks": ["T001"]}})
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ann")
    return Shown(refusal(stage, "transition", wp="WP01", to="for_review", actor="ann"))


def canceled_without_a_note(stage: Stage) -> Shown:
    stage.write_mission({"WP01": {}, "WP02": {"dependencies": ["WP01"]}})
    stage.done("transition", mission=SLUG, wp="WP01", to="canceled", actor="ann", note="n")
    lines = [json.loads(line) for line in stage.log().read_text().splitlines()]
    without = ({name: it[name] for name in it if name not in ("note", "reason")} for it in lines)
    stage.put_log("".join(json.dumps(it) + "\n" for it in without))
    return Shown(refusal(stage, "start-implementation", wp="WP02", actor="bob"))


def without_a_terminal(stage: Stage) -> Shown:
    submitted(stage)
    return Shown(say(stage, "review", "WP01"))


def no_packages(stage: Stage, *words: str) -> Shown:
    planned(stage)
    return Shown(say(stage, "implement", *words))


def no_packages_when_one_is_named(stage: Stage) -> Shown:
    return no_packages(stage, "WP01")


def a_section_without_a_prompt(stage: Stage) -> Shown:
    one(stage)
    sections = "## WP01 Parse\n\nParse it.\n\n## WP02 Query\n\nOwned files: q/**\n\nRun it.\n"
    (stage.root / "kitty-specs" / SLUG / "tasks.md").write_text(sections)
    return Shown(say(stage, "tasks", "finalize", SLUG))


def an_unknown_mission_and_no_other(stage: Stage) -> Shown:
    say(stage, "init")
    return Shown(say(stage, "status", "--mission", "x"))


def a_branch_of_that_name(stage: Stage) -> Shown:
    accepted(stage)
    stage.git("branch", "search")
    return Shown(say(stage, "merge", "--branch", "search"))
