"""What commands print about a damaged project; each function takes a fresh repository."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

from tests.integration.advice.pasting import (
    Shown,
    findings,
    one,
    refusal,
    repairs,
    say,
)
from tests.integration.stage import SLUG, Stage


def a_forged_reply(stage: Stage) -> Shown:
    one(stage)
    stage.put("mine", "contract-version", policy=None)
    say(stage, "mailbox", "serve", "--once")
    (stage.root / ".kitty" / "outbox" / "forged.json").write_text("{}\n")
    return Shown(say(stage, "mailbox", "verify"))


def a_config_that_others_may_write(stage: Stage) -> Shown:
    one(stage)
    config = stage.root / ".kitty" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text("trash_days = 3\n")
    config.chmod(0o666)
    return Shown(say(stage, "mailbox", "access"))


def an_edited_line(stage: Stage) -> Shown:
    one(stage)
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ann", note="first")
    stage.log().write_text(stage.log().read_text().replace("first", "other"))
    return Shown(refusal(stage, "append-history", wp="WP01", actor="ann", note="n"))


def a_line_that_is_not_json(stage: Stage) -> Shown:
    one(stage)
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ann", note="first")
    with stage.log().open("a") as log:
        log.write("[]\n")
    return Shown(refusal(stage, "append-history", wp="WP01", actor="ann", note="n"))


def a_damaged_record(stage: Stage) -> Shown:
    one(stage)
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ann", note="first")
    [record] = (stage.root / ".git" / "spec-kitty").glob("*/record.db")
    for path in record.parent.glob("record.db-*"):
        path.unlink()
    record.write_bytes(b"no database" * 1000)
    return Shown(say(stage, "append", "x") + say(stage, "status"))


def outside_of_git(stage: Stage) -> Shown:
    folder = stage.root.parent / "empty"
    folder.mkdir()
    return Shown(say(stage, "init", folder=folder), folder)


def missions_outside_of_git(stage: Stage) -> Shown:
    one(stage)
    shutil.rmtree(stage.root / ".git")
    return Shown(findings(stage, "no-git"))


def a_folder_that_all_may_write(stage: Stage) -> Shown:
    say(stage, "init")
    one(stage)
    (stage.root / ".kitty" / "inbox").chmod(0o777)
    found = stage.ask("diagnose", policy=None)["data"]["findings"]
    return Shown("".join(it["repair"] + "\n" for it in found))


def no_union_merge(stage: Stage) -> Shown:
    one(stage)
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ann", note="n")
    attributes = stage.root / ".git" / "info" / "attributes"
    attributes.write_text("")
    found = stage.ask("diagnose", policy=None)["data"]["findings"]
    return Shown("".join(it["repair"] + "\n" for it in found))


def a_workspace_on_another_branch(stage: Stage) -> Shown:
    one(stage)
    say(stage, "implement", "WP01")
    workspace = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    stage.git("switch", "-q", "-c", "mine", folder=workspace)
    found = stage.ask("diagnose", policy=None)["data"]["findings"]
    return Shown("".join(it["repair"] + "\n" for it in found))


def a_start_outside_of_git(stage: Stage) -> Shown:
    one(stage)
    shutil.rmtree(stage.root / ".git")
    return Shown(refusal(stage, "start-implementation", wp="WP01", actor="ann"))


def tasks_outside_of_git(stage: Stage) -> Shown:
    one(stage)
    shutil.rmtree(stage.root / ".git")
    (stage.root / "kitty-specs" / SLUG / "tasks.md").write_text("## WP01 Parse\n\nParse it.\n")
    return Shown(say(stage, "tasks", "--mission", SLUG))


def a_prompt_in_a_folder_of_a_lane(stage: Stage) -> Shown:
    one(stage)
    folder = stage.root / "kitty-specs" / SLUG
    (folder / "tasks" / "planned").mkdir()
    (folder / "tasks" / "WP01-step.md").rename(folder / "tasks" / "planned" / "WP01-step.md")
    (folder / "tasks.md").write_text("## WP01 Parse\n\nParse it.\n")
    return Shown(say(stage, "tasks", "finalize", SLUG))


def the_same_when_packages_are_written(stage: Stage) -> Shown:
    a_prompt_in_a_folder_of_a_lane(stage)
    return Shown(say(stage, "tasks", "--mission", SLUG))


def on_another_branch(stage: Stage) -> Shown:
    one(stage)
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ann", note="n")
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "mission")
    stage.git("switch", "-q", "-c", "other", "HEAD~1")
    return Shown(refusal(stage, "append-history", wp="WP01", actor="ann", note="n"))


def a_mission_that_was_renamed(stage: Stage) -> Shown:
    stage.write_mission({"WP01": {}}, mission_id="01JA0000000000000000000001")
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ann")
    missions = stage.root / "kitty-specs"
    (missions / SLUG).rename(missions / "001-other")
    return repairs(stage)


def a_mission_without_tasks(stage: Stage) -> Shown:
    stage.write_mission({})
    return repairs(stage)


def in_another_clone(stage: Stage) -> Shown:
    one(stage)
    stage.commit({"kitty-specs/.keep": ""})
    stage.git("add", "kitty-specs")
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ann")
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "mission")
    clone = stage.root.parent / "clone"
    stage.git("clone", "-q", str(stage.root), str(clone))
    return repairs(stage, clone)


def shared_objects(stage: Stage) -> Shown:
    one(stage)
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ann")
    config = stage.root / ".kitty" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text('workspace_objects = "share"\n[orchestrators.nightly]\ncommands = ["all"]\n')
    config.chmod(0o600)
    return repairs(stage)


def during(*words: str) -> Callable[[Stage], Shown]:
    """The log lacks a line during this git command, which stops at a conflict."""

    def printed(stage: Stage) -> Shown:
        one(stage)
        stage.done("append-history", mission=SLUG, wp="WP01", actor="ann", note="n")
        stage.commit(
            {"a.txt": "1\n", f"kitty-specs/{SLUG}/status.events.jsonl": stage.log().read_text()}
        )
        stage.git("switch", "-q", "-c", "other", "HEAD~1")
        stage.commit({"a.txt": "2\n"})
        stage.git("switch", "-q", "main")
        stage.commit({"a.txt": "3\n"})
        subprocess.run(["git", *words], cwd=stage.root, capture_output=True, check=False)
        stage.log().write_text("")
        shown = repairs(stage)
        subprocess.run(
            ["git", "checkout", "-q", "HEAD", "--", "kitty-specs"], cwd=stage.root, check=False
        )
        return shown

    return printed
