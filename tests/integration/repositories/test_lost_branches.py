"""A lost branch with recorded work is reported and not replaced; a refused start leaves nothing behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stage import APPROVED, SLUG, Stage, digest_of_tree

TWO = {
    "WP01": {"owned_files": ["src/**"]},
    "WP02": {"owned_files": ["lib/**"], "dependencies": ["WP01"]},
}
BRANCH = f"kitty/mission-{SLUG}-lane-a"
CHANGES = APPROVED | {"verdict": "changes_requested"}


@pytest.fixture
def started(stage: Stage) -> Path:
    """The workspace of WP01, which was started."""
    stage.write_mission(TWO)
    return Path(start(stage, "WP01")["data"]["workspace_path"])


def start(stage: Stage, wp_id: str, actor: str = "coder") -> dict[str, Any]:
    return stage.ask("start-implementation", mission=SLUG, wp=wp_id, actor=actor)


def in_review(stage: Stage, worktree: Path) -> str:
    stage.commit({"src/work.py": "work\n"}, folder=worktree)
    work = stage.git("rev-parse", "HEAD", folder=worktree)
    move(stage, "for_review", actor="coder", subtasks_complete=True)
    stage.done("start-review", mission=SLUG, wp="WP01", actor="reviewer")
    return work


def move(stage: Stage, to: str, *, actor: str = "reviewer", **args: Any) -> dict[str, Any]:
    return stage.done("transition", mission=SLUG, wp="WP01", to=to, actor=actor, **args)


def lose(stage: Stage, worktree: Path, *, keeps_worktree: bool = False) -> None:
    stage.git("branch", "-q", "-D", BRANCH)
    if not keeps_worktree:
        shutil.rmtree(worktree)


def assert_lost(envelope: dict[str, Any], code: str) -> str:
    assert envelope["error_code"] == "LANE_ALLOCATION_FAILED"
    data = envelope["data"]
    assert (data["retryable"], data["reason_code"]) == (False, code)
    reason: str = data["reason"]
    assert BRANCH in reason
    return reason


@pytest.mark.parametrize("keeps_worktree", [False, True])
def test_dependent_is_not_started_if_approved_work_without_a_recorded_commit_is_lost(
    stage: Stage, started: Path, keeps_worktree: bool
) -> None:
    work = in_review(stage, started)
    move(stage, "approved", review_result=APPROVED)
    stage.forget_commits()
    lose(stage, started, keeps_worktree=keeps_worktree)
    before = digest_of_tree(stage.root)
    assert_lost(start(stage, "WP02"), "dependency_lost")
    assert digest_of_tree(stage.root) == before
    assert stage.lane("WP02") == "planned"
    # As advised.
    assert keeps_worktree or work in stage.git("fsck", "--no-reflogs", "--lost-found")
    stage.git("branch", BRANCH, work)
    workspace = Path(start(stage, "WP02")["data"]["workspace_path"])
    assert (workspace / "src/work.py").read_text() == "work\n"


@pytest.mark.parametrize("keeps_worktree", [False, True])
def test_lost_work_is_not_resumed_in_an_empty_workspace(
    stage: Stage, started: Path, keeps_worktree: bool
) -> None:
    lose(stage, started, keeps_worktree=keeps_worktree)
    before = digest_of_tree(stage.root)
    assert_lost(start(stage, "WP01"), "lane_lost")
    assert_lost(stage.ask("resolve-workspace", policy=None, mission=SLUG, wp="WP01"), "lane_lost")
    assert digest_of_tree(stage.root) == before


@pytest.mark.parametrize("force", [{}, {"force": True, "note": "now"}])
def test_rework_of_lost_work_is_refused(stage: Stage, started: Path, force: dict[str, Any]) -> None:
    in_review(stage, started)
    lose(stage, started)
    args = {"mission": SLUG, "wp": "WP01", "to": "in_progress", "actor": "reviewer"}
    assert_lost(stage.ask("transition", review_result=CHANGES, **args, **force), "lane_lost")
    assert stage.lane("WP01") == "in_review"


def test_lost_work_can_be_started_again_from_planned(stage: Stage, started: Path) -> None:
    in_review(stage, started)
    lose(stage, started)
    move(stage, "planned", review_result=CHANGES)
    assert start(stage, "WP01")["success"]


def test_deleted_workspace_is_created_again_from_its_branch(stage: Stage, started: Path) -> None:
    stage.commit({"src/work.py": "work\n"}, folder=started)
    stage.done("sync-workspaces", policy=None)
    shutil.rmtree(started)
    assert start(stage, "WP01")["data"]["no_op"] is True
    assert (started / "src/work.py").read_text() == "work\n"


def test_dependent_of_merged_work_starts_after_the_advised_git_command(stage: Stage) -> None:
    folder = stage.write_mission({"WP01": TWO["WP01"]})
    stage.approve("WP01", {"src/work.py": "work\n"})
    stage.done("merge-mission", mission=SLUG)
    stage.forget_commits()
    stage.git("branch", "-q", "-d", BRANCH)
    header = json.dumps({"work_package_id": "WP02", "title": "WP02"} | TWO["WP02"])
    (folder / "tasks" / "WP02-step.md").write_text(f"---\n{header}\n---\n\n# WP02\n")
    reason = assert_lost(start(stage, "WP02"), "dependency_lost")
    advice = reason.split("run '")[1].split("'")[0]
    stage.git(*advice.split(" ")[1:])
    workspace = Path(start(stage, "WP02")["data"]["workspace_path"])
    assert (workspace / "src/work.py").read_text() == "work\n"


@pytest.mark.parametrize(
    "kind", ["symbolic", "dangling", "tree", "tag", "junk", "empty", "missing"]
)
def test_damaged_branch_is_reported_and_not_replaced(
    stage: Stage, started: Path, kind: str
) -> None:
    in_review(stage, started)
    move(stage, "approved", review_result=APPROVED)
    stage.forget_commits()
    ref = stage.root / ".git" / "refs" / "heads" / BRANCH
    stage.git("tag", "-a", "-m", "t", "t")
    damage = {
        "symbolic": "ref: refs/heads/main",
        "dangling": "ref: refs/heads/nothing",
        "tree": stage.git("rev-parse", "main^{tree}"),
        "tag": stage.git("rev-parse", "t"),
        "junk": "junk",
        "empty": "",
        "missing": "1" * 40,
    }
    ref.write_text(damage[kind] + "\n" if damage[kind] else "")
    before = digest_of_tree(stage.root)
    assert_lost(start(stage, "WP02"), "branch_damaged")
    assert digest_of_tree(stage.root) == before


def test_start_with_a_failing_filter_leaves_nothing_behind(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.commit({".gitattributes": "*.bin filter=vault\n", "a.bin": "x\n", "b.txt": "y\n"})
    stage.git("config", "filter.vault.smudge", "false")
    stage.git("config", "filter.vault.required", "true")
    before = digest_of_tree(stage.root, besides=(".kitty", ".worktrees"))
    refused = start(stage, "WP01")
    assert refused["error_code"] == "LANE_ALLOCATION_FAILED"
    assert refused["data"]["reason_code"] == "unavailable"
    assert digest_of_tree(stage.root, besides=(".kitty", ".worktrees")) == before
    assert not (stage.root / ".worktrees" / f"{SLUG}-lane-a").exists()
    assert not any((stage.root / ".worktrees" / ".making").iterdir())
    assert stage.git("branch", "--list", "kitty/*") == ""
    stage.git("config", "--unset", "filter.vault.required")
    assert start(stage, "WP01")["success"]


def test_failed_start_does_not_move_an_existing_branch(stage: Stage, started: Path) -> None:
    stage.commit({".gitattributes": "*.py filter=vault\n"}, folder=started)
    in_review(stage, started)
    move(stage, "approved", review_result=APPROVED)
    lane = f"kitty/mission-{SLUG}-lane-b"
    stage.git("branch", lane, "main")
    stage.git("config", "filter.vault.smudge", "false")
    stage.git("config", "filter.vault.required", "true")
    before = stage.git("for-each-ref", "refs/heads")
    assert start(stage, "WP02")["error_code"] == "LANE_ALLOCATION_FAILED"
    assert stage.git("for-each-ref", "refs/heads") == before
    assert not (stage.root / ".worktrees" / f"{SLUG}-lane-b").exists()


def _corrupt_head(root: Path) -> None:
    (root / ".git" / "HEAD").write_text("junk\n")


def _lose_commit(root: Path) -> None:
    (root / ".git" / "refs" / "heads" / "main").write_text("1" * 40 + "\n")


def _detach_from_nothing(root: Path) -> None:
    (root / ".git" / "HEAD").write_text("1" * 40 + "\n")


def _corrupt_ref(root: Path) -> None:
    (root / ".git" / "refs" / "heads" / "main").write_text("junk\n")


def _corrupt_packed_refs(root: Path) -> None:
    (root / ".git" / "packed-refs").write_text("junk\n")


DAMAGES = [_corrupt_head, _lose_commit, _detach_from_nothing, _corrupt_ref, _corrupt_packed_refs]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_repository_is_not_reported_as_having_no_commit(stage: Stage, damage: Any) -> None:
    stage.write_mission({"WP01": {}})
    damage(stage.root)
    refused = start(stage, "WP01")
    assert refused["error_code"] == "LANE_ALLOCATION_FAILED"
    accepted = stage.ask("merge-mission", mission=SLUG)
    assert accepted["error_code"] == "PREFLIGHT_FAILED"
    found = stage.ask("diagnose", policy=None)
    told = [refused["data"]["reason"], *accepted["data"]["errors"], json.dumps(found)]
    for text in told:
        assert "has no commit" not in text
        assert "make a first" not in text
    assert found["error_code"] is None
