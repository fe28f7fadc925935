"""A person can undo each decision with one command, and each refusal prints one that works."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.people.suggestions import suggested
from tests.integration.stage import SLUG, TIMEOUT_S, Outcome, Stage, environment

STEPS = {"subtasks": ["T001"]}


def advised(answer: Outcome) -> list[str]:
    """The arguments of the suggested command."""
    return shlex.split(suggested(answer))


def state(stage: Stage, wp_id: str) -> dict[str, Any]:
    envelope = json.loads(stage.run("tasks", "list", SLUG, "--json").stdout)
    package: dict[str, Any]
    [package] = (x for x in envelope["data"]["work_packages"] if x["wp_id"] == wp_id)
    return package


def work(stage: Stage, name: str) -> str:
    """Commit in the workspace of the first execution lane; return the commit."""
    folder: Path = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    (folder / name).write_text("hello\n")
    for words in (("add", "."), ("commit", "-q", "-m", name)):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True)
    return head.stdout.decode().strip()


def test_misspelled_cancel_prints_a_command_that_cancels(stage: Stage) -> None:
    stage.write_mission({"WP01": {}, "WP02": {"dependencies": ["WP01"]}})
    for words in (["canceled"], ["cancelled", "--note", "not needed"], ["cancel", "--note", "x y"]):
        refused = stage.run("move", "WP01", *words)
        assert refused.exit_code == 2
        assert stage.lane("WP01") == "planned"
    assert b"did you mean 'canceled'?" in refused.stderr
    assert advised(refused) == ["move", "WP01", "canceled", "--note", "x y"]
    assert stage.run(*advised(refused)).exit_code == 0
    assert stage.run("implement", "WP02").exit_code == 0


def test_missing_cancel_note_is_added_by_the_printed_command(
    stage: Stage,
) -> None:
    stage.write_mission({"WP01": {}, "WP02": {"dependencies": ["WP01"]}})
    request = ("transition", "--mission", SLUG, "--wp", "WP01", "--to", "canceled", "--actor", "x")
    assert stage.run("orchestrator-api", *request).exit_code == 0
    refused = stage.run("implement", "WP02")
    assert b"add the missing note with 'spec-kitty move WP01 canceled" in refused.stderr
    added = stage.run(*advised(refused))
    assert advised(added) == ["implement", "WP02"]
    assert stage.run(*advised(added)).exit_code == 0
    assert stage.lane("WP01") == "canceled"


def test_unblock_returns_a_package_to_its_former_status_lane(stage: Stage) -> None:
    stage.write_mission({"WP01": {}, "WP02": {"dependencies": ["WP01"]}})
    for wp_id in ("WP01", "WP02"):
        assert advised(stage.run("move", wp_id, "blocked")) == ["unblock", wp_id]
    assert state(stage, "WP01")["blocked_from"] == "planned"
    assert stage.run("unblock", "WP02").exit_code == 0
    assert advised(stage.run("unblock")) == ["unblock", "WP01"]
    stage.run("unblock", "WP01")
    assert {stage.lane(x) for x in ("WP01", "WP02")} == {"planned"}
    stage.run("implement", "WP01")
    stage.run("move", "WP01", "blocked")
    refused = stage.run("move", "WP01", "planned")
    assert stage.run(*advised(refused)).exit_code == 0
    assert stage.lane("WP01") == "in_progress"
    again = stage.run("unblock", "WP01")
    assert again.exit_code == 1
    assert advised(again) == ["implement", "WP01", "--done"]


def test_released_package_is_continued_by_another_from_its_commits(
    stage: Stage,
) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01", "--actor", "ann")
    commit = work(stage, "hello")
    refused = stage.run("release-claim", "WP01", "--actor", "bob")
    assert refused.exit_code == 2
    assert advised(refused)[:3] == ["release-claim", "WP01", "--note"]
    freed = stage.run("release-claim", "WP01", "--actor", "ann")
    assert f"kept as commit {commit[:12]}" in freed.stdout.decode()
    assert stage.run("move", "WP01", "blocked", "--actor", "ann").exit_code == 0
    stage.run("unblock", "WP01", "--actor", "ann")
    assert stage.run("implement", "WP01", "--actor", "bob").exit_code == 0
    assert (stage.root / ".worktrees" / f"{SLUG}-lane-a" / "hello").exists()


def test_move_to_planned_without_a_note_prints_a_command_that_works(
    stage: Stage,
) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01")
    assert stage.run(*advised(stage.run("move", "WP01", "planned"))).exit_code == 0
    assert stage.lane("WP01") == "planned"


def test_commands_in_a_workspace_default_to_its_package(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.write_mission({"WP01": {}, "WP02": {}})
    for wp_id in ("WP01", "WP02"):
        stage.run("implement", wp_id)
    work(stage, "hello")
    outside = stage.run("implement", "--done")
    assert advised(outside) == ["implement", "--done", "WP01"]
    inside = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    assert stage.run("implement", "--done", cwd=inside).exit_code == 0
    shown = stage.run("review", cwd=inside)
    assert shown.stdout.startswith(b"WP01 as of commit ")
    assert stage.run("show", cwd=inside).stdout.startswith(b"WP01  for_review")
    assert b"hello" in stage.run("diff", cwd=inside).stdout
    assert stage.run("move", "blocked", cwd=inside).exit_code == 0
    assert stage.run("unblock", cwd=inside).exit_code == 0
    assert stage.lane("WP01") == "in_progress"


def test_misspelled_names_are_answered_with_suggestions(stage: Stage) -> None:
    stage.write_mission({"WP01": STEPS})
    assert stage.run("implement", "wp1").exit_code == 0
    assert stage.run("status", "WP1").exit_code == 0
    assert advised(stage.run("show", "WP9")) == ["tasks", "list", SLUG]
    assert advised(stage.run("status", "none")) == ["mission", "list"]
    assert b"did you mean 'T001'?" in stage.run("tasks", "done", "T01").stderr
    refused = stage.run("merge", "--strategy", "sqash")
    assert advised(refused) == ["merge", "--strategy", "squash"]
    assert b"did you mean 'unblock'?" in stage.run("unblok").stderr
    request = ("--mission", SLUG, "--wp", "WP01", "--to", "cancelled", "--actor", "x")
    assert b"did you mean 'canceled'?" in stage.api("transition", *request).stdout
    assert b"did you mean 'transition'?" in stage.api("transitoin", *request).stdout


def test_invalid_transition_prints_the_command_that_does_it(
    stage: Stage,
) -> None:
    stage.write_mission({"WP01": {}, "WP02": {}})
    stage.run("move", "WP01", "claimed")
    assert stage.run(*advised(stage.run("move", "WP01", "planned"))).exit_code == 0
    stage.run("move", "WP02", "canceled", "--note", "not needed")
    assert stage.run(*advised(stage.run("move", "WP02", "planned"))).exit_code == 0
    assert {stage.lane(x) for x in ("WP01", "WP02")} == {"planned"}


def test_package_with_events_can_be_canceled_but_not_removed(stage: Stage) -> None:
    stage.write_mission({"WP01": {}, "WP02": {"dependencies": ["WP01"]}})
    needed = stage.run("tasks", "remove", "WP01")
    assert stage.run(*advised(needed)).exit_code == 0
    stage.run("implement", "WP01")
    refused = stage.run("tasks", "remove", "WP01")
    assert stage.run(*advised(refused)).exit_code == 0
    assert stage.lane("WP01") == "canceled"
    assert stage.run("tasks", "remove", "WP01").exit_code == 2
    assert stage.run("tasks", "remove", "WP02").exit_code == 0
    assert stage.run("doctor").stderr == b"sound\n"


def test_started_package_allows_a_new_title_but_no_new_owned_files(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01", "--actor", "ann")
    renamed = stage.run("tasks", "edit", "WP01", "--title", "Other")
    assert b"ann works on it" in renamed.stdout
    refused = stage.run("tasks", "edit", "WP01", "--owns", "other/**")
    assert refused.exit_code == 2
    [line] = [x for x in refused.stderr.decode().splitlines() if x.startswith("next: ")]
    for words in map(shlex.split, line.removeprefix("next: ").split(" && ")):
        assert stage.run(*words[1:]).exit_code == 0
    assert (stage.lane("WP01"), stage.lane("WP02")) == ("canceled", "planned")
    refused = stage.run("tasks", "edit", "WP01", "--title", "Another")
    assert b"is canceled, so it stays as it is" in refused.stderr


def test_adding_a_package_keeps_the_execution_lanes_of_started_ones(stage: Stage) -> None:
    stage.write_mission({"WP01": {"owned_files": ["one/**"]}, "WP02": {"owned_files": ["two/**"]}})
    stage.run("tasks", "finalize", SLUG)
    for wp_id in ("WP01", "WP02"):
        stage.run("implement", wp_id)
    both = ("--owns", "one/x", "--owns", "two/x")
    joined = stage.run("tasks", "add", SLUG, "Between", *both)
    assert b"lane-a: shared with WP01, one after another" in joined.stdout
    assert b"lane-c: only WP04" in stage.run("tasks", "add", SLUG, "Apart", "--owns", "x").stdout
    lanes = {x: state(stage, x)["lane_id"] for x in ("WP01", "WP02", "WP03", "WP04")}
    assert lanes == {"WP01": "lane-a", "WP02": "lane-b", "WP03": "lane-a", "WP04": "lane-c"}
    assert state(stage, "WP03")["waiting_for_lane"] == "WP01"
    assert stage.run("doctor").stderr == b"sound\n"
    assert stage.run("implement", "WP04").exit_code == 0


def test_tasks_does_not_commit_if_only_the_log_changed(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("tasks")
    stage.run("implement", "WP01")
    head = stage.git("rev-parse", "HEAD")
    assert json.loads(stage.run("tasks", "--json").stdout)["data"]["commit"] is None
    assert stage.git("rev-parse", "HEAD") == head


def test_editor_is_opened_again_until_the_prompt_is_valid(stage: Stage) -> None:
    stage.write_mission({})
    stage.run("tasks", "add", SLUG, "Query")
    script = stage.root.parent / "editor"
    script.write_text(
        "#!/bin/sh\n"
        'if grep -q "title: x" "$1"; then sed -i "s/^dependencies:.*/dependencies: []/" "$1"\n'
        'else sed -i -e "s/^title:.*/title: x/" -e "s/^dependencies:.*/dependencies: [WP09]/" "$1"; fi\n'
    )
    script.chmod(0o755)
    shown = at_a_terminal(stage, b"y\n", "tasks", "edit", "WP01", editor=str(script))
    assert "WP01 on WP09" in shown
    assert "WP01 is changed: title" in shown
    assert state(stage, "WP01")["title"] == "x"


def at_a_terminal(stage: Stage, typed: bytes, *words: str, editor: str) -> str:
    """Run the command in a terminal with this input and return what it prints."""
    ours, theirs = os.openpty()
    env = environment(EDITOR=editor, VISUAL=editor)
    process = subprocess.Popen(
        [sys.executable, "-m", "specify_cli", *words],
        cwd=stage.root,
        env=env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    stage.started.append(process)
    os.close(theirs)
    os.write(ours, typed)
    shown = b""
    with contextlib.suppress(OSError):  # Reading a closed terminal is an error.
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    assert process.wait(TIMEOUT_S) == 0
    return shown.decode()


def test_package_canceled_without_a_note_is_named_where_it_blocks_others(
    stage: Stage,
) -> None:
    stage.write_mission({"WP01": {}, "WP02": {"dependencies": ["WP01"]}})
    stage.run("tasks", "finalize", SLUG)
    api = ("transition", "--mission", SLUG, "--wp", "WP01", "--to", "canceled", "--actor", "bot")
    stage.run("orchestrator-api", *api)
    assert b"after WP01 (canceled without a note)" in stage.run("status").stdout

    words = ["move", "WP01", "canceled", "--note", "not needed"]
    for asked in (("accept",), ("show", "WP02"), ("implement", "WP02")):
        assert advised(stage.run(*asked)) == words
    assert stage.run(*words).exit_code == 0
    assert advised(stage.run("accept")) == ["implement", "WP02"]
