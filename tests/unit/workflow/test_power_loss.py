"""What git has written is on the disk before anything refers to it."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from specify_cli.files import durability
from specify_cli.vcs import host_commits
from tests.durability import SYNC_ALL, Durable, watched
from tests.integration.stage import SLUG, Stage

BIG_STEPS = (
    "run git",
    SYNC_ALL,
    "intent merge",
    "unlock repository",
    f"rename {SLUG}-lane-a.json",
)

pytestmark = pytest.mark.long


def synced_between(disk: Durable, before: str, after: str) -> bool:
    """Whether everything was synced between these two steps, with no other step of these kinds between."""
    big = [step.strip() for step in disk.steps if step.startswith(BIG_STEPS)]
    return (before, SYNC_ALL, after) in zip(big, big[1:], big[2:], strict=False)


def in_sequence(disk: Durable, *wanted: str) -> bool:
    """Whether these steps were taken in this order without a repetition."""
    steps = [step.strip() for step in disk.steps if step.strip() in wanted]
    return wanted in zip(*(steps[i:] for i in range(len(wanted))), strict=False)


def start(stage: Stage) -> Durable:
    with watched() as disk:
        stage.done("start-implementation", mission=SLUG, wp="WP01", actor="coder")
    return disk


def merge(stage: Stage) -> Durable:
    stage.approve("WP01", {"one.txt": "1\n"})
    with watched() as disk:
        stage.done("merge-mission", mission=SLUG, policy=None)
    return disk


def test_start_syncs_objects_before_the_branches_point_at_them(stage: Stage) -> None:
    assert synced_between(start(stage), "run git for-each-ref", "run git update-ref")


def test_submission_syncs_objects_before_the_branch_points_at_them(stage: Stage) -> None:
    start(stage)
    stage.commit({"a.txt": "a\n"}, folder=stage.root / ".worktrees" / f"{SLUG}-lane-a")
    with watched() as disk:
        stage.done("transition", mission=SLUG, wp="WP01", to="for_review", actor="coder")
    assert synced_between(disk, "run git for-each-ref", "run git update-ref")


def test_start_syncs_the_workspace_before_its_record_is_written(stage: Stage) -> None:
    assert synced_between(start(stage), "run git var", f"rename {SLUG}-lane-a.json")


def test_start_syncs_the_record_of_the_workspace_before_its_folder(stage: Stage) -> None:
    steps = (f"rename {SLUG}-lane-a.json", "sync workspaces", "sync .worktrees")
    assert in_sequence(start(stage), *steps)


def test_start_syncs_the_repository_before_unlocking_it(stage: Stage) -> None:
    assert synced_between(start(stage), "run git update-ref", "unlock repository")


def test_acceptance_syncs_its_commit_before_the_index_is_updated(stage: Stage) -> None:
    stage.approve("WP01", {"one.txt": "1\n"})
    with watched() as disk:
        stage.done("accept-mission", mission=SLUG, actor="ada", policy=None)
    assert synced_between(disk, "run git commit-tree", "run git update-index")


def test_merge_syncs_its_commit_before_the_intent_names_it(stage: Stage) -> None:
    assert synced_between(merge(stage), "run git ls-files", "intent merge")


def test_merge_syncs_its_commit_before_the_target_moves(stage: Stage) -> None:
    assert synced_between(merge(stage), "run git ls-files", "run git update-ref")


def test_acceptance_syncs_the_index_before_the_branch_moves(stage: Stage) -> None:
    stage.approve("WP01", {"one.txt": "1\n"})
    with watched() as disk:
        stage.done("accept-mission", mission=SLUG, actor="ada", policy=None)
    steps = ("run git update-index", "sync .git", "run git update-ref")
    assert in_sequence(disk, *steps)


def test_acceptance_is_refused_if_the_index_cannot_be_synced(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error", str(folder))

    stage.approve("WP01", {"one.txt": "1\n"})
    with monkeypatch.context() as disk:
        failing = SimpleNamespace(sync_all=durability.sync_all, sync_folder=refuse)
        disk.setattr(host_commits, "durability", failing)
        refused = stage.ask("accept-mission", mission=SLUG, actor="ada", policy=None)
    assert refused["error_code"] == "PREFLIGHT_FAILED"
    assert "Input/output error" in refused["data"]["message"]
    stage.done("accept-mission", mission=SLUG, actor="ada", policy=None)
    accepted = [it for it in stage.events() if "mission_accepted" in it.values()]
    assert len(accepted) == 1


def test_merge_syncs_the_retired_workspaces_before_unlocking_the_repository(stage: Stage) -> None:
    steps = ("sync .worktrees", "unlock repository")
    assert in_sequence(merge(stage), *steps)


def test_merge_commits_its_intent_before_the_target_moves(stage: Stage) -> None:
    steps = ("intent merge", "run git update-ref")
    assert in_sequence(merge(stage), *steps)


def test_merge_syncs_its_target_before_execution_lanes_are_removed(stage: Stage) -> None:
    assert synced_between(merge(stage), "run git update-ref", "run git for-each-ref")


def test_merge_syncs_the_removal_of_its_move_marker(stage: Stage) -> None:
    steps = ("run git update-ref", "unlink spec-kitty-move", "sync .git")
    assert in_sequence(merge(stage), *steps)
