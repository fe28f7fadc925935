"""What git has written is on the disk before anything points at it, or tells of it."""

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


def has(disk: Durable, before: str, after: str) -> bool:
    """Whether everything was synced between these two steps, with no other big one between them."""
    big = [step.strip() for step in disk.steps if step.startswith(BIG_STEPS)]
    return (before, SYNC_ALL, after) in zip(big, big[1:], big[2:], strict=False)


def come_one_after_the_other(disk: Durable, *wanted: str) -> bool:
    """Whether these steps were taken in this order, none of them twice in between."""
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


def test_a_lane_s_branches_point_at_nothing_that_can_be_lost(stage: Stage) -> None:
    assert has(start(stage), "run git for-each-ref", "run git update-ref")


def test_what_is_handed_in_is_kept_when_it_cannot_be_lost(stage: Stage) -> None:
    start(stage)
    stage.commit({"a.txt": "a\n"}, folder=stage.root / ".worktrees" / f"{SLUG}-lane-a")
    with watched() as disk:
        stage.done("transition", mission=SLUG, wp="WP01", to="for_review", actor="coder")
    assert has(disk, "run git for-each-ref", "run git update-ref")


def test_a_workspace_is_on_record_when_its_files_cannot_be_lost(stage: Stage) -> None:
    assert has(start(stage), "run git var", f"rename {SLUG}-lane-a.json")


def test_a_workspace_has_its_name_when_it_is_on_record(stage: Stage) -> None:
    steps = (f"rename {SLUG}-lane-a.json", "sync workspaces", "sync .worktrees")
    assert come_one_after_the_other(start(stage), *steps)


def test_a_repository_is_let_go_when_nothing_in_it_can_be_lost(stage: Stage) -> None:
    assert has(start(stage), "run git update-ref", "unlock repository")


def test_a_commit_of_the_host_s_files_is_pointed_at_when_it_cannot_be_lost(stage: Stage) -> None:
    stage.approve("WP01", {"one.txt": "1\n"})
    with watched() as disk:
        stage.done("accept-mission", mission=SLUG, actor="ada", policy=None)
    assert has(disk, "run git commit-tree", "run git update-index")


def test_a_plan_of_a_merge_names_no_commit_that_can_be_lost(stage: Stage) -> None:
    assert has(merge(stage), "run git ls-files", "intent merge")


def test_a_target_moves_to_nothing_that_can_be_lost(stage: Stage) -> None:
    assert has(merge(stage), "run git ls-files", "run git update-ref")


def test_a_branch_does_not_move_before_the_index_has_its_name(stage: Stage) -> None:
    stage.approve("WP01", {"one.txt": "1\n"})
    with watched() as disk:
        stage.done("accept-mission", mission=SLUG, actor="ada", policy=None)
    steps = ("run git update-index", "sync .git", "run git update-ref")
    assert come_one_after_the_other(disk, *steps)


def test_nothing_is_accepted_where_the_index_could_not_get_its_name(
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


def test_a_workspace_is_retired_for_good_before_the_merge_is_answered(stage: Stage) -> None:
    steps = ("sync .worktrees", "unlock repository")
    assert come_one_after_the_other(merge(stage), *steps)


def test_a_merge_is_intended_before_its_target_moves(stage: Stage) -> None:
    steps = ("intent merge", "run git update-ref")
    assert come_one_after_the_other(merge(stage), *steps)


def test_a_move_that_is_over_does_not_come_back(stage: Stage) -> None:
    steps = ("run git update-ref", "unlink spec-kitty-move", "sync .git")
    assert come_one_after_the_other(merge(stage), *steps)
