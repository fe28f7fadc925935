from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.stage import APPROVED, SLUG, Stage

pytestmark = pytest.mark.long


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    return made


def hand_over(stage: Stage, wp_id: str = "WP01", **words: Any) -> str | None:
    """The guard that refused the submission for review; None if it was accepted."""
    args: dict[str, Any] = {"mission": SLUG, "wp": wp_id, "to": "for_review", "actor": "coder"}
    envelope = stage.ask("transition", **{**args, **words})
    guard: str | None = envelope["data"].get("guard")
    return guard


def test_work_can_be_submitted_once_it_is_committed_and_its_subtasks_are_done(stage: Stage) -> None:
    stage.write_mission({"WP01": {"subtasks": ["T001", "T002"]}})
    worktree = stage.begin()
    mark = {"mission": SLUG, "actor": "coder", "policy": None}
    told: dict[str, Any] = {"subtasks_complete": True, "implementation_evidence_present": True}
    stage.done("mark-subtasks", subtasks=["T001", "T002"], status="done", **mark)
    assert hand_over(stage, **told) == "subtasks_and_evidence"  # No commit yet.
    stage.commit({"src/a": "work\n"}, folder=worktree)
    stage.done("mark-subtasks", subtasks=["T002"], status="pending", **mark)
    assert hand_over(stage, **told) == "subtasks_and_evidence"  # A subtask is open again.
    stage.done("mark-subtasks", subtasks=["T002"], status="done", **mark)
    assert hand_over(stage) is None


@pytest.mark.parametrize("words", [{}, {"subtasks_complete": True}, {"subtasks_complete": False}])
def test_without_subtasks_the_subtasks_flag_does_not_matter(
    stage: Stage, words: dict[str, Any]
) -> None:
    stage.write_mission({"WP01": {}})
    worktree = stage.begin()
    assert hand_over(stage, **words) == "subtasks_and_evidence"  # No commit yet.
    stage.commit({"src/a": "work\n"}, folder=worktree)
    assert hand_over(stage, **words) is None


def test_commits_of_a_dependency_are_not_evidence_for_its_dependent(stage: Stage) -> None:
    stage.write_mission(
        {
            "WP01": {"owned_files": ["src/a/**"]},
            "WP02": {"owned_files": ["src/b/**"], "dependencies": ["WP01"]},
        }
    )
    stage.approve("WP01", {"src/a/one": "work\n"})
    worktree = stage.begin("WP02")
    assert (worktree / "src" / "a" / "one").read_text() == "work\n"
    assert hand_over(stage, "WP02", subtasks_complete=True) == "subtasks_and_evidence"
    stage.commit({"src/b/two": "work\n"}, folder=worktree)
    assert hand_over(stage, "WP02", subtasks_complete=True) is None


def test_commits_of_another_package_in_the_same_execution_lane_are_not_evidence(
    stage: Stage,
) -> None:
    stage.write_mission({"WP01": {"owned_files": ["src"]}, "WP02": {"owned_files": ["src/b"]}})
    first = stage.approve("WP01", {"src/a": "work\n"})
    assert stage.begin("WP02") == first
    assert hand_over(stage, "WP02", subtasks_complete=True) == "subtasks_and_evidence"


def test_a_claimed_package_moves_to_in_progress_only_with_a_workspace(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    move = {"mission": SLUG, "wp": "WP01", "actor": "coder"}
    stage.done("transition", to="claimed", **move)
    assert stage.ask("transition", to="in_progress", **move)["data"]["guard"] == "workspace"
    stage.begin()
    assert stage.lane("WP01") == "in_progress"


def test_a_repeated_start_recreates_a_lost_workspace_and_records_no_event(
    stage: Stage,
) -> None:
    stage.write_mission({"WP01": {}})
    worktree = stage.begin()
    stage.commit({"src/a": "work\n"}, folder=worktree)
    assert stage.done("sync-workspaces", policy=None)["refused"] == 0
    stage.commit({"src/b": "not taken in\n"}, folder=worktree)
    worktree.rename(worktree.with_name("lost"))
    again = stage.done("start-implementation", mission=SLUG, wp="WP01", actor="coder")
    assert again["no_op"] is True
    assert (worktree / "src" / "a").read_text() == "work\n"
    assert not (worktree / "src" / "b").exists()
    assert len(stage.events()) == 2


def test_rework_continues_in_the_same_workspace_from_the_same_base(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    worktree = stage.begin()
    stage.commit({"src/a": "work\n"}, folder=worktree)
    assert hand_over(stage, subtasks_complete=True) is None
    stage.done("start-review", mission=SLUG, wp="WP01", actor="reviewer")
    changes = {**APPROVED, "verdict": "changes_requested"}
    back = {"mission": SLUG, "wp": "WP01", "actor": "reviewer", "to": "in_progress"}
    stage.done("transition", review_result=changes, **back)
    data = stage.done("start-implementation", mission=SLUG, wp="WP01", actor="coder")
    assert (data["no_op"], Path(data["workspace_path"])) == (True, worktree)
    assert hand_over(stage, subtasks_complete=True) is None


def test_every_event_has_the_policy_of_its_request(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.begin()
    events = stage.events()
    assert len(events) == 2
    assert all(event["policy_metadata"]["orchestrator_id"] == "nightly" for event in events)


def test_a_symlink_in_a_mission_folder_is_not_committed(stage: Stage, tmp_path: Path) -> None:
    folder = stage.write_mission({"WP01": {}})
    (tmp_path / "secret").write_text("secret\n")
    (folder / "link.md").symlink_to(tmp_path / "secret")
    stage.done("write-packages", mission=SLUG, policy=None)
    committed = stage.git("ls-files", "--", str(folder)).splitlines()
    assert f"kitty-specs/{SLUG}/meta.json" in committed
    assert f"kitty-specs/{SLUG}/link.md" not in committed
