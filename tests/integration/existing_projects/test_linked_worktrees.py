"""A project that was started with linked worktrees can be continued and downgraded."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from specify_cli.storage.layout import Layout
from tests.integration.stage import APPROVED, SLUG, Stage

LANE = f"{SLUG}-lane-a"
BRANCH = f"kitty/mission-{LANE}"


@pytest.fixture
def two(stage: Stage) -> Stage:
    """Two packages share one execution lane."""
    stage.write_mission({"WP01": {"owned_files": ["a/**"]}, "WP02": {"owned_files": ["a/b/**"]}})
    return stage


def place(stage: Stage) -> Path:
    return stage.root / ".worktrees" / LANE


def to(stage: Stage, lane: str, wp_id: str = "WP01") -> None:
    actor = "reviewer" if lane in ("in_review", "approved") else "coder"
    more: dict[str, Any] = {"review_result": APPROVED} if lane == "approved" else {}
    if lane == "for_review":
        more = {"subtasks_complete": True}
    if lane in ("blocked", "planned"):
        more = {"note": "waits", "force": True}
    if lane == "in_review":
        stage.done("start-review", mission=SLUG, wp=wp_id, actor=actor)
    else:
        stage.done("transition", mission=SLUG, wp=wp_id, to=lane, actor=actor, **more)


def start(stage: Stage, wp_id: str) -> dict[str, Any]:
    return stage.ask("start-implementation", mission=SLUG, wp=wp_id, actor="coder")


WAYS = {
    "planned": ["planned"],
    "in_progress": [],
    "for_review": ["for_review"],
    "in_review": ["for_review", "in_review"],
    "approved": ["for_review", "in_review", "approved"],
    "blocked": ["blocked"],
}
ONWARD = {
    "planned": ["start", "for_review", "in_review", "approved"],
    "in_progress": ["start", "for_review", "in_review", "approved"],
    "for_review": ["in_review", "approved"],
    "in_review": ["approved"],
    "approved": [],
    "blocked": ["in_progress", "for_review", "in_review", "approved"],
}


def in_flight(stage: Stage, lane: str = "in_progress") -> Path:
    """Put WP01 into that status lane with a linked worktree, as the previous version left it."""
    assert start(stage, "WP01")["success"]
    stage.commit({"a/one.txt": "1\n"}, folder=place(stage))
    if lane == "in_progress":  # Its commits are on the branch, as in a linked worktree.
        for step in ("for_review", "planned"):
            to(stage, step)
        assert start(stage, "WP01")["success"]
    for step in WAYS[lane]:
        to(stage, step)
    fetched(stage)
    shutil.rmtree(stage.root / ".worktrees")
    shutil.rmtree(Layout(stage.root).host / "workspaces")
    stage.git("worktree", "add", "-q", str(place(stage)), BRANCH)
    for ref in stage.git("for-each-ref", "--format=%(refname)", "refs/spec-kitty/pin").split():
        stage.git("update-ref", "-d", ref)
    return place(stage)


def fetched(stage: Stage) -> None:
    """Fetch the commits of the workspace with the command of the upgrade guide."""
    stage.git("fetch", "-q", f".worktrees/{LANE}", f"{BRANCH}:{BRANCH}")


def is_linked(stage: Stage) -> bool:
    return (place(stage) / ".git").is_file()


def registered(stage: Stage) -> bool:
    return LANE in stage.git("worktree", "list", "--porcelain")


def trashed(stage: Stage) -> list[Path]:
    return list((stage.root / ".worktrees" / ".trash").glob(f"*-{LANE}"))


@pytest.mark.parametrize("lane", WAYS)
def test_package_with_a_linked_worktree_can_be_merged_from_every_status_lane(
    stage: Stage, lane: str
) -> None:
    stage.write_mission({"WP01": {"owned_files": ["a/**"]}})
    path = in_flight(stage, lane)
    for step in ONWARD[lane]:
        if step == "start":
            assert start(stage, "WP01")["success"]
        else:
            to(stage, step)
        assert (path / "a/one.txt").read_text() == "1\n"
    merged = stage.done("merge-mission", mission=SLUG)
    assert merged["worktree_removed"]
    assert (stage.root / "a/one.txt").read_text() == "1\n"
    assert not os.path.lexists(path)
    assert not registered(stage)
    assert any((it / "a/one.txt").exists() for it in trashed(stage))
    stage.git("branch", "-D", BRANCH)  # No worktree has it checked out any more.


def test_unfinished_work_continues_in_its_linked_worktree(stage: Stage) -> None:
    stage.write_mission({"WP01": {"owned_files": ["a/**"]}})
    path = in_flight(stage)
    (path / "a/two.txt").write_text("unfinished\n")
    to(stage, "planned")
    assert start(stage, "WP01")["success"]
    assert is_linked(stage)
    stage.git("add", "-A", folder=path)
    stage.git("commit", "-q", "-m", "two", folder=path)
    to(stage, "for_review")
    assert stage.events()[-1]["commit"] == stage.git("rev-parse", "HEAD", folder=path)


def test_next_package_replaces_the_linked_worktree_with_a_workspace(two: Stage) -> None:
    path = in_flight(two, "approved")
    before = path.stat().st_ino
    assert start(two, "WP02")["success"]
    assert not is_linked(two)
    assert not registered(two)
    assert (path / "a/one.txt").read_text() == "1\n"
    assert [it.stat().st_ino for it in trashed(two)] == [before]


def test_linked_worktree_with_uncommitted_work_is_not_replaced(two: Stage) -> None:
    path = in_flight(two, "blocked")
    (path / "a/new.txt").write_text("mine\n")
    refs = two.git("for-each-ref")
    data = start(two, "WP02")["data"]
    assert (data["reason_code"], data["files"]) == ("uncommitted_work", ["a/new.txt"])
    assert is_linked(two)
    assert registered(two)
    assert (path / "a/new.txt").read_text() == "mine\n"
    assert two.git("for-each-ref") == refs


def test_linked_worktree_with_a_merge_in_progress_is_not_replaced(two: Stage) -> None:
    path = in_flight(two, "blocked")
    (two.root / ".git" / "worktrees" / path.name / "MERGE_HEAD").write_text(
        two.git("rev-parse", "main") + "\n"
    )
    data = start(two, "WP02")["data"]
    assert data["reason_code"] == "uncommitted_work"
    assert "merge" in data["message"]
    assert is_linked(two)


def test_replacing_a_linked_worktree_keeps_other_worktrees_registered(
    two: Stage, tmp_path: Path
) -> None:
    in_flight(two, "approved")
    own = tmp_path / LANE  # A worktree with the same name elsewhere.
    two.git("worktree", "add", "-q", "-b", "mine", str(own))
    assert start(two, "WP02")["success"]
    assert two.git("status", "--porcelain", folder=own) == ""
    assert two.git("worktree", "list", "--porcelain").count("worktree ") == 2


def test_downgrade_commands_restore_a_linked_worktree_with_the_commits(stage: Stage) -> None:
    """The commands are those of the upgrade guide; the older version does the same next steps."""
    stage.write_mission({"WP01": {"owned_files": ["a/**"]}})
    assert start(stage, "WP01")["success"]
    path = place(stage)
    stage.commit({"a/one.txt": "1\n"}, folder=path)
    (path / "a/two.txt").write_text("unfinished\n")
    fetched(stage)
    path.rename(path.with_name(f"{LANE}.kept"))
    stage.git("worktree", "add", "-q", str(path), BRANCH)
    assert (path / "a/one.txt").exists()
    kept = path.with_name(f"{LANE}.kept")
    assert stage.git("status", "--porcelain", folder=kept) == "?? a/two.txt"
    # And upgrade again.
    to(stage, "for_review")
    assert stage.events()[-1]["commit"] == stage.git("rev-parse", "HEAD", folder=path)
    assert is_linked(stage)
