"""A submission warns about work that it does not include, and prints how to submit it."""

from __future__ import annotations

import os
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from specify_cli.vcs import trash
from specify_cli.workflow import submitted_work
from tests.integration.stage import SLUG, Stage
from tests.unit.vcs.test_blocking_files import folders_in_each_other


@pytest.fixture
def worktree(stage: Stage) -> Path:
    """The workspace of WP01, which has one commit."""
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01", "--actor", "ann")
    place = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    stage.commit({"a.txt": "a\n"}, folder=place)
    return place


def submit(stage: Stage) -> list[str]:
    data = stage.done("transition", mission=SLUG, wp="WP01", actor="ann", to="for_review")
    return list(data.get("warnings", []))


def run_all(stage: Stage, line: str, *, folder: Path) -> None:
    """Run the commands of a printed line."""
    for command in line.split(" && "):
        program, *words = shlex.split(command)
        assert program == "spec-kitty"
        done = stage.run(*words, cwd=folder)
        assert done.exit_code == 0, done


def approve(stage: Stage) -> None:
    commit = stage.git("rev-parse", f"kitty/mission-{SLUG}-lane-a")
    done = stage.run("review", "WP01", "--approve", "--commit", commit, "--actor", "rev")
    assert done.exit_code == 0, done.stderr


def test_committed_work_is_submitted_without_a_warning(stage: Stage, worktree: Path):
    assert submit(stage) == []


def test_uncommitted_files_are_counted_and_the_first_are_named(stage: Stage, worktree: Path):
    (worktree / "a.txt").write_text("changed\n")
    for name in ("b.txt", "c.txt", "d.txt"):
        (worktree / name).write_text("new\n")

    [warning] = submit(stage)

    assert warning.startswith("4 files are not committed ")
    assert "a.txt, b.txt, c.txt and 1 more" in warning


def test_warning_about_uncommitted_files_prints_commands_that_submit_them(
    stage: Stage, worktree: Path
):
    (worktree / "b.txt").write_text("new\n")

    done = stage.run("implement", "WP01", "--done", "--actor", "ann")

    assert done.exit_code == 0
    assert b"warning: 1 file is not committed" in done.stderr
    stage.git("add", "b.txt", folder=worktree)
    stage.git("commit", "-q", "-m", "Forgotten", folder=worktree)
    [line] = [x for x in done.stdout.decode().splitlines() if " && " in x]
    run_all(stage, line, folder=worktree)
    assert stage.lane("WP01") == "for_review"
    assert "b.txt" in stage.git("ls-tree", "--name-only", f"kitty/mission-{SLUG}-lane-a")


def test_workspace_with_a_fifo_is_submitted_without_a_warning(stage: Stage, worktree: Path):
    (worktree / "b.txt").write_text("new\n")
    os.mkfifo(worktree / ".gitignore")

    assert submit(stage) == []


def test_check_for_uncommitted_files_that_times_out_gives_no_warning(
    stage: Stage, worktree: Path, monkeypatch: pytest.MonkeyPatch
):
    (worktree / "b.txt").write_text("new\n")
    monkeypatch.setattr(submitted_work, "LONGEST_LOOK_S", 0.000001)

    assert submit(stage) == []


def test_submitting_a_rejected_commit_again_gives_a_warning(stage: Stage, worktree: Path):
    submit(stage)
    stage.run("review", "WP01", "--request-changes", "--note", "no test", "--actor", "rev")
    [warning] = submit(stage)
    assert stage.git("rev-parse", "HEAD", folder=worktree) in warning

    stage.run("review", "WP01", "--request-changes", "--note", "still none", "--actor", "rev")
    stage.commit({"test_a.txt": "a\n"}, folder=worktree)
    assert submit(stage) == []


def test_rejected_commit_that_was_approved_later_gives_no_warning(stage: Stage, worktree: Path):
    submit(stage)
    stage.run("review", "WP01", "--request-changes", "--note", "no test", "--actor", "rev")
    submit(stage)
    approve(stage)
    for lane in ("blocked", "in_progress"):
        stage.done(
            "transition", mission=SLUG, wp="WP01", actor="ann", to=lane, note="again", force=True
        )
    assert submit(stage) == []


def test_workspace_with_deeply_nested_folders_is_submitted_and_removed(
    stage: Stage, worktree: Path
):
    with folders_in_each_other(worktree, 1200):
        assert submit(stage) == []
        approve(stage)
        merged = stage.done("merge-mission", mission=SLUG)

        assert merged["worktree_removed"]
        assert not worktree.exists()
        pruned = trash.prune(stage.root / ".worktrees", before=datetime.max.replace(tzinfo=UTC))
        assert (len(pruned.names), pruned.failed) == (1, {})


def test_hanging_filter_does_not_block_submission(stage: Stage, worktree: Path):
    stage.git("config", "filter.slow.clean", "sleep 600")
    (worktree / ".gitattributes").write_text("* filter=slow\n")
    (worktree / "a.txt").write_text("changed\n")
    [warning] = submit(stage)
    assert ".gitattributes" in warning


def test_commits_after_submission_are_submitted_by_the_printed_commands(
    stage: Stage, worktree: Path
):
    submit(stage)
    stage.commit({"later.txt": "a\n"}, folder=worktree)
    refused = stage.run("implement", "WP01", "--done", "--actor", "ann", cwd=worktree)
    [line] = [x for x in refused.stderr.decode().splitlines() if x.startswith("next: ")]

    assert refused.exit_code == 1
    run_all(stage, line.removeprefix("next: "), folder=worktree)
    submitted = [x["commit"] for x in stage.events() if x.get("to_lane") == "for_review"]
    assert submitted[-1] == stage.git("rev-parse", "HEAD", folder=worktree)
    assert stage.lane("WP01") == "for_review"
