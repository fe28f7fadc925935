"""`show`, `log` and `diff` of a package in every state."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.stage import SLUG, Stage, environment

EVIL = "\x1b[2J\x07\u202e"


@pytest.fixture
def workspace(stage: Stage) -> Path:
    """The workspace of WP01, on which ada works."""
    needs = {"dependencies": ["WP01"], "owned_files": ["b/**"]}
    stage.write_mission({"WP01": {"owned_files": ["src/**"], "subtasks": ["T001"]}, "WP02": needs})
    begun = stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ada")
    return Path(begun["workspace_path"])


def text_of(stage: Stage, *words: str) -> str:
    ended = stage.run(*words)
    assert ended.exit_code == 0, ended
    return (ended.stdout + ended.stderr).decode()


def at_terminal(stage: Stage, *words: str) -> str:
    """What the command prints at a terminal with cat as pager."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "specify_cli", *words]
    env = environment(PAGER="cat -u", GIT_PAGER="cat -u")
    subprocess.run(command, cwd=stage.root, env=env, stdin=theirs, stdout=theirs, check=True)
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as file:
        return file.read(65_536).decode()


def diff_of(stage: Stage) -> str:
    return text_of(stage, "diff", "WP01")


def test_diff_works_in_every_status_lane_with_work(stage: Stage, workspace: Path) -> None:
    assert "WP01 is in_progress and has no commit of its own" in diff_of(stage)
    stage.commit({"src/one.py": "one\n"}, folder=workspace)
    (workspace / "src" / "later.py").write_text("")
    # The command takes in the commits of the workspace.
    assert "+one" in diff_of(stage)
    assert "not committed, and not shown: src/later.py" in diff_of(stage)
    assert "src/one.py | 1 +" in text_of(stage, "diff", "WP01", "--stat")
    (workspace / "src" / "later.py").unlink()
    to = {"mission": SLUG, "wp": "WP01", "actor": "ada"}
    stage.done("mark-subtasks", policy=None, **to, subtasks=["T001"], status="done")
    stage.done("transition", **to, to="blocked", note="the disk is full")
    assert "+one" in diff_of(stage)
    assert "the disk is full (ada)" in text_of(stage, "show", "WP01")
    stage.done("transition", **to, to="in_progress")
    stage.done("transition", **to, to="for_review")
    stage.done("start-review", mission=SLUG, wp="WP01", actor="bob")
    passed = {"reviewer": "bob", "verdict": "approved", "reference": "pr/1"}
    at_review = {"mission": SLUG, "wp": "WP01", "actor": "bob"}
    stage.done("transition", **at_review, to="approved", review_result=passed)
    stage.done("transition", mission=SLUG, wp="WP02", actor="bob", to="canceled", note="unneeded")
    stage.done("accept-mission", mission=SLUG, actor="bob")
    stage.done("merge-mission", mission=SLUG, actor="bob")
    assert stage.lane("WP01") == "done"
    assert "+one" in diff_of(stage)
    assert "WP02 is canceled and has no commit of its own" in text_of(stage, "diff", "WP02")


def test_control_characters_in_names_and_contents_are_escaped(
    stage: Stage, workspace: Path
) -> None:
    stage.git("config", "user.name", f"e{EVIL}", folder=workspace)
    stage.commit({f"src/e{EVIL}.py": f"{EVIL}\n"}, folder=workspace)
    ada = {"mission": SLUG, "wp": "WP01", "actor": f"a{EVIL}"}
    stage.done("append-history", policy=None, **ada, note=f"n{EVIL}")
    calls = (["diff", "WP01"], ["diff", "WP01", "--stat"], ["log"], ["show", "WP01"])
    for words in calls:
        plain = text_of(stage, *words)
        assert all(line.isprintable() for line in plain.expandtabs().split("\n")), plain
        shown = at_terminal(stage, *words)
        assert not any(it in shown for it in ("\x1b[2J", "\x07", "\u202e")), shown
    # Only terminals get colours.
    assert "\x1b[32m+" in at_terminal(stage, "diff", "WP01")
    assert "\x1b[" not in diff_of(stage)


def test_show_and_log_print_a_package_and_its_history(stage: Stage, workspace: Path) -> None:
    shown = text_of(stage, "show", "wp01")
    for part in ("WP01  in_progress", "held by      ada", "WP02 (planned)", "src/**", "[ ] T001"):
        assert part in shown
    assert text_of(stage, "status", "WP01") == shown
    assert "waits for    WP01" in text_of(stage, "show", "WP02")
    whole, newest = text_of(stage, "log"), text_of(stage, "log", "WP01", "-n", "1")
    assert [line.split("  ")[-1] for line in whole.splitlines()] == [
        "claimed -> in_progress",
        "planned -> claimed",
    ]
    assert newest.endswith("and 1 earlier event: spec-kitty log WP01 -n 2\n")
    assert stage.run("log", "WP01", "--json").envelope["data"]["later"] == 0
    assert stage.run("show", "WP09", "--json").code == "WP_NOT_FOUND"


@pytest.mark.parametrize("how", ["update", "git merge"])
def test_diff_and_review_leave_out_merged_target_commits(
    stage: Stage, workspace: Path, how: str
) -> None:
    stage.commit({"src/own.py": "own\n"}, folder=workspace)
    stage.commit({"docs/theirs.md": "theirs\n"})
    if how == "update":
        text_of(stage, "update", "WP01", "--actor", "ada")
    else:
        # A worker would also update the mirror.
        text_of(stage, "sync")
        stage.git("fetch", "-q", "project", folder=workspace)
        stage.git("merge", "-q", "--no-edit", "FETCH_HEAD", folder=workspace)
    assert text_of(stage, "diff", "WP01", "--stat").count("|") == 1
    stage.done(
        "mark-subtasks",
        policy=None,
        mission=SLUG,
        wp="WP01",
        actor="ada",
        subtasks=["T001"],
        status="done",
    )
    text_of(stage, "implement", "WP01", "--done", "--actor", "ada")
    shown = text_of(stage, "review", "WP01", "--actor", "bob")
    assert "src/own.py" in shown
    assert "theirs.md" not in shown
