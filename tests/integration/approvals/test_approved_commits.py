"""An approval names a commit, and a merge includes exactly the approved commits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from specify_cli.workflow.mission import OpenMission
from tests.integration.stage import APPROVED, SLUG, Stage

SHARED = {
    "WP01": {"owned_files": ["src/**"]},
    "WP02": {"owned_files": ["src/**"]},
    "WP03": {"owned_files": ["docs/**"], "dependencies": ["WP01"]},
}
LANE = f"kitty/mission-{SLUG}-lane-a"


@pytest.fixture
def shared(stage: Stage) -> Stage:
    stage.write_mission(SHARED)
    return stage


def move(stage: Stage, wp_id: str, to: str, **args: Any) -> dict[str, Any]:
    return stage.ask("transition", mission=SLUG, wp=wp_id, to=to, actor="ada", **args)


def submit(stage: Stage, wp_id: str, files: dict[str, str]) -> tuple[Path, str]:
    workspace = stage.begin(wp_id, actor="ada")
    stage.commit(files, folder=workspace)
    answer = move(stage, wp_id, "for_review")
    assert answer["success"], answer
    return workspace, stage.git("rev-parse", "HEAD", folder=workspace)


def review(stage: Stage, wp_id: str, verdict: str = "approved") -> dict[str, Any]:
    stage.done("start-review", mission=SLUG, wp=wp_id, actor="rev")
    to = "approved" if verdict == "approved" else "in_progress"
    return move(stage, wp_id, to, review_result=APPROVED | {"verdict": verdict})


def approve(stage: Stage, wp_id: str, files: dict[str, str]) -> tuple[Path, str]:
    workspace, commit = submit(stage, wp_id, files)
    answer = review(stage, wp_id)
    assert answer["success"], answer
    return workspace, commit


def cancel(stage: Stage, *wp_ids: str) -> None:
    for wp_id in wp_ids:
        assert move(stage, wp_id, "canceled", note="not needed")["success"]


def events(stage: Stage, wp_id: str) -> list[dict[str, Any]]:
    log = stage.root / "kitty-specs" / SLUG / "status.events.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line for line in lines if line.get("wp_id") == wp_id]


def merge(stage: Stage, **args: Any) -> dict[str, Any]:
    return stage.ask("merge-mission", mission=SLUG, actor="ada", **args)


def test_approval_names_the_submitted_commit_and_merge_leaves_out_later_ones(shared: Stage) -> None:
    workspace, commit = submit(shared, "WP01", {"src/one.py": "one\n"})
    shared.commit({"src/late.py": "late\n"}, folder=workspace)
    late = shared.git("rev-parse", "HEAD", folder=workspace)
    data = review(shared, "WP01")["data"]
    [left] = data["commits_not_included"]
    assert (left["lane_branch"], left["commits"], left["total"]) == (LANE, [late], 1)
    named = [line["commit"] for line in events(shared, "WP01") if "commit" in line]
    assert named == [commit, commit]
    cancel(shared, "WP02", "WP03")
    merged = merge(shared)["data"]
    assert merged["commits_not_included"][0]["commits"] == [late]
    assert merged["worktree_removed"] is False
    assert workspace.is_dir()
    assert (shared.root / "src/one.py").exists()
    assert not (shared.root / "src/late.py").exists()


@pytest.mark.parametrize("strategy", ["merge", "squash", "rebase"])
def test_merge_includes_approved_work_after_the_branch_was_reset(
    shared: Stage, strategy: str
) -> None:
    workspace, _ = approve(shared, "WP01", {"src/one.py": "one\n"})
    shared.git("reset", "-q", "--hard", "main", folder=workspace)
    shared.git("reflog", "expire", "--expire=now", "--all")
    shared.git("gc", "-q", "--prune=now")
    cancel(shared, "WP02", "WP03")
    answer = merge(shared, strategy=strategy)
    assert answer["success"], answer
    assert (shared.root / "src/one.py").exists()


def test_approval_keeps_submitted_work_after_the_branch_was_reset(shared: Stage) -> None:
    workspace, commit = submit(shared, "WP01", {"src/one.py": "one\n"})
    shared.git("reset", "-q", "--hard", "main", folder=workspace)
    shared.git("reflog", "expire", "--expire=now", "--all")
    shared.git("gc", "-q", "--prune=now")
    assert review(shared, "WP01")["success"]
    assert events(shared, "WP01")[-1]["commit"] == commit
    cancel(shared, "WP02", "WP03")
    assert merge(shared)["success"]
    assert (shared.root / "src/one.py").exists()


def test_approved_work_survives_deletion_of_its_branch_and_workspace(shared: Stage) -> None:
    workspace, _ = approve(shared, "WP01", {"src/one.py": "one\n"})
    shutil.rmtree(workspace)
    shared.git("branch", "-D", LANE)
    shared.git("gc", "-q", "--prune=now")
    dependent = shared.begin("WP03", actor="ada")
    assert (dependent / "src/one.py").exists()
    next_one = shared.begin("WP02", actor="ada")
    assert (next_one / "src/one.py").exists()
    cancel(shared, "WP02", "WP03")
    assert merge(shared)["success"]
    assert (shared.root / "src/one.py").exists()


def test_dependent_package_starts_from_the_approved_commit_not_a_later_one(shared: Stage) -> None:
    workspace, _ = approve(shared, "WP01", {"src/one.py": "one\n"})
    shared.commit({"src/late.py": "late\n"}, folder=workspace)
    dependent = shared.begin("WP03", actor="ada")
    assert (dependent / "src/one.py").exists()
    assert not (dependent / "src/late.py").exists()


def test_forced_approval_without_work_records_a_null_commit(shared: Stage) -> None:
    shared.begin("WP01", actor="ada")
    assert move(shared, "WP01", "approved", force=True, note="nothing to do")["success"]
    assert events(shared, "WP01")[-1]["commit"] is None
    cancel(shared, "WP02", "WP03")
    assert merge(shared)["data"]["merged_wps"] == ["WP01"]


def test_next_package_of_the_execution_lane_starts_from_the_approved_commit(shared: Stage) -> None:
    workspace, commit = approve(shared, "WP01", {"src/one.py": "one\n"})
    shared.commit({"src/late.py": "late\n"}, folder=workspace)
    late = shared.git("rev-parse", "HEAD", folder=workspace)
    workspace = shared.begin("WP02", actor="ada")
    assert shared.git("rev-parse", "HEAD", folder=workspace) == commit
    assert late in shared.git("for-each-ref", "--format=%(objectname)", "refs/spec-kitty/")


def test_commit_of_an_approval_by_an_older_version_is_recorded_once(shared: Stage) -> None:
    _, commit = approve(shared, "WP01", {"src/one.py": "one\n"})
    shared.forget_commits()
    workspace = shared.begin("WP02", actor="ada")
    [told] = [line for line in events(shared, "WP01") if line.get("kind") == "annotation"]
    assert (told["actor"], told["delta"]) == ("spec-kitty", {"commit": commit})
    shared.commit({"src/two.py": "two\n"}, folder=workspace)
    assert move(shared, "WP02", "for_review")["success"]
    assert [line for line in events(shared, "WP01") if line.get("kind")] == [told]
    state = shared.done("mission-state", mission=SLUG)["work_packages"][0]
    assert (state["commit"], state["last_actor"]) == (commit, "ada")


def test_resumed_package_has_its_own_work_and_work_approved_meanwhile(shared: Stage) -> None:
    workspace = shared.begin("WP01", actor="ada")
    shared.commit({"src/one.py": "one\n"}, folder=workspace)
    assert move(shared, "WP01", "blocked")["success"]
    workspace, _ = approve(shared, "WP02", {"src/two.py": "two\n"})
    assert not (workspace / "src/one.py").exists()
    assert move(shared, "WP01", "in_progress")["success"]
    assert (workspace / "src/one.py").exists()
    assert (workspace / "src/two.py").exists()
    assert move(shared, "WP01", "for_review")["success"]


def test_start_is_refused_while_the_workspace_has_uncommitted_work_of_another(
    shared: Stage,
) -> None:
    workspace = shared.begin("WP01", actor="ada")
    shared.commit({"src/one.py": "one\n"}, folder=workspace)
    (workspace / "src/half.py").write_text("half\n")
    assert move(shared, "WP01", "blocked")["success"]
    answer = shared.ask("start-implementation", mission=SLUG, wp="WP02", actor="bo")
    assert answer["error_code"] == "LANE_ALLOCATION_FAILED"
    assert answer["data"]["reason_code"] == "uncommitted_work"
    assert answer["data"]["files"] == ["src/half.py"]
    shared.git("add", "src/half.py", folder=workspace)
    shared.git("commit", "-qm", "half", folder=workspace)
    shared.begin("WP02", actor="ada")
    assert not (workspace / "src/one.py").exists()
    assert move(shared, "WP02", "planned", note="later")["success"]
    assert move(shared, "WP01", "in_progress")["success"]
    assert (workspace / "src/half.py").exists()


def test_approval_is_refused_if_unapproved_work_of_another_package_was_merged_in(
    shared: Stage,
) -> None:
    stage = shared
    workspace = stage.begin("WP01", actor="ada")
    stage.commit({"src/one.py": "one\n"}, folder=workspace)
    assert move(stage, "WP01", "canceled", note="no")["success"]
    dropped = stage.git("rev-parse", LANE)
    workspace = stage.begin("WP02", actor="ada")
    stage.git("merge", "-q", "--no-edit", dropped, folder=workspace)
    stage.commit({"src/two.py": "two\n"}, folder=workspace)
    assert move(stage, "WP02", "for_review")["success"]
    refused = review(stage, "WP02")
    assert refused["error_code"] == "TRANSITION_REJECTED"
    assert refused["data"]["guard"] == "unapproved_ancestors"
    forced = move(stage, "WP02", "approved", force=True, note="now")
    assert forced["data"]["guard"] == "unapproved_ancestors"


def test_approval_cannot_be_withdrawn_while_other_work_builds_on_it(shared: Stage) -> None:
    approve(shared, "WP01", {"src/one.py": "one\n"})
    shared.begin("WP02", actor="ada")
    for args in ({"review_ref": "r-1"}, {"force": True, "note": "now"}):
        refused = move(shared, "WP01", "planned", **args)
        assert refused["data"]["guard"] == "approval_built_upon", refused
        assert "WP02" in refused["data"]["message"]
    assert move(shared, "WP02", "planned", note="later")["success"]
    assert move(shared, "WP01", "planned", review_ref="r-1")["success"]


PAIR = {
    "WP01": {"owned_files": ["src/**"]},
    "WP02": {"owned_files": ["src/**"]},
    "WP04": {"owned_files": ["lib/**"]},
}
OTHER_LANE = f"kitty/mission-{SLUG}-lane-b"


@pytest.fixture
def pair(stage: Stage) -> Stage:
    """WP01 and WP02 share an execution lane, WP04 has one of its own and depends on nothing."""
    stage.write_mission(PAIR)
    return stage


def test_start_ignores_a_mission_branch_that_an_agent_moved(pair: Stage) -> None:
    workspace = pair.begin("WP01", actor="ada")
    pair.commit({"src/evil.py": "evil\n"}, folder=workspace)
    pair.git("update-ref", f"refs/heads/kitty/mission-{SLUG}", "HEAD", folder=workspace)
    other = pair.begin("WP04", actor="ada")
    assert not (other / "src/evil.py").exists()


def test_start_uses_a_mission_branch_that_was_moved_to_its_target(pair: Stage) -> None:
    pair.begin("WP01", actor="ada")
    pair.commit({"plan.md": "plan\n"})
    pair.git("update-ref", f"refs/heads/kitty/mission-{SLUG}", "main")
    assert (pair.begin("WP04", actor="ada") / "plan.md").exists()


def test_approval_is_refused_if_work_of_a_package_forced_into_progress_was_merged_in(
    pair: Stage,
) -> None:
    assert move(pair, "WP01", "in_progress", force=True, note="now")["success"]
    workspace = pair.begin("WP01", actor="ada")
    pair.commit({"src/evil.py": "evil\n"}, folder=workspace)
    other = pair.begin("WP04", actor="ada")
    pair.git("fetch", "-q", str(workspace), LANE, folder=other)
    pair.git("merge", "-q", "--no-edit", "FETCH_HEAD", folder=other)
    pair.commit({"lib/good.py": "good\n"}, folder=other)
    assert move(pair, "WP04", "for_review")["success"]
    assert review(pair, "WP04")["data"]["guard"] == "unapproved_ancestors"


def test_approval_is_refused_if_a_rejected_commit_of_another_package_was_merged_in(
    pair: Stage,
) -> None:
    workspace, bad = submit(pair, "WP01", {"src/bad.py": "bad\n"})
    other = pair.begin("WP04", actor="ada")
    pair.git("merge", "-q", "--no-edit", bad, folder=other)
    pair.commit({"lib/good.py": "good\n"}, folder=other)
    assert review(pair, "WP01", "changes_requested")["success"]
    pair.git("reset", "-q", "--hard", "main", folder=workspace)
    pair.commit({"src/good.py": "good\n"}, folder=workspace)
    assert move(pair, "WP01", "for_review")["success"]
    assert review(pair, "WP01")["success"]
    assert move(pair, "WP04", "for_review")["success"]
    assert review(pair, "WP04")["data"]["guard"] == "unapproved_ancestors"


def test_commits_merged_from_the_target_belong_to_no_package(pair: Stage) -> None:
    places = [pair.begin(wp_id, actor="ada") for wp_id in ("WP01", "WP04")]
    pair.commit({"other.txt": "other\n"})
    for wp_id, place, name in zip(("WP01", "WP04"), places, ("src/a", "lib/b"), strict=True):
        pair.git("merge", "-q", "--no-edit", pair.git("rev-parse", "main"), folder=place)
        pair.commit({name: "work\n"}, folder=place)
        assert move(pair, wp_id, "for_review")["success"]
        assert review(pair, wp_id)["success"]


def test_merging_the_work_of_another_package_does_not_block_its_approval(pair: Stage) -> None:
    workspace, other = pair.begin("WP01", actor="ada"), pair.begin("WP04", actor="ada")
    pair.commit({"lib/good.py": "good\n"}, folder=other)
    pair.git("fetch", "-q", str(other), OTHER_LANE, folder=workspace)
    pair.git("merge", "-q", "--no-ff", "--no-edit", "FETCH_HEAD", folder=workspace)
    assert move(pair, "WP04", "for_review")["success"]
    assert review(pair, "WP04")["success"]


def test_packages_that_an_older_version_ran_in_one_execution_lane_can_be_approved(
    pair: Stage,
) -> None:
    workspace = pair.begin("WP01", actor="ada")
    log = pair.root / "kitty-specs" / SLUG / "status.events.jsonl"
    begun = [it for it in map(json.loads, log.read_text().splitlines()) if it.get("lane_base_ref")]
    mate = begun[-1] | {
        "wp_id": "WP02",
        "from_lane": "planned",
        "event_id": "E-of-theirs",
        "batch": None,
    }
    log.write_text(log.read_text() + json.dumps(mate) + "\n")
    pair.commit({"src/one.py": "one\n"}, folder=workspace)
    pair.commit({"src/two.py": "two\n"}, folder=workspace)
    for wp_id in ("WP01", "WP02"):
        assert move(pair, wp_id, "for_review")["success"]
        assert review(pair, wp_id)["success"]


@pytest.mark.parametrize("way", ["blocked", "withdrawn"])
def test_resumed_package_recovers_work_after_the_branch_was_reset(pair: Stage, way: str) -> None:
    if way == "blocked":
        workspace = pair.begin("WP01", actor="ada")
        pair.commit({"src/one.py": "one\n"}, folder=workspace)
        assert move(pair, "WP01", "blocked")["success"]
    else:
        workspace, _ = approve(pair, "WP01", {"src/one.py": "one\n"})
    pair.git("reset", "-q", "--hard", "main", folder=workspace)
    assert move(pair, "WP01", "in_progress", review_ref="r-1")["success"]
    assert (workspace / "src/one.py").exists()


def test_rejected_package_that_was_forced_into_review_gets_the_workspace_of_a_start(
    pair: Stage,
) -> None:
    workspace, _ = approve(pair, "WP01", {"src/one.py": "one\n"})
    pair.commit({"src/late.py": "late\n"}, folder=workspace)
    assert move(pair, "WP02", "for_review", force=True, note="now")["success"]
    assert review(pair, "WP02", "changes_requested")["success"]
    assert (workspace / "src/one.py").exists()
    assert not (workspace / "src/late.py").exists()


def test_git_replace_and_grafts_do_not_hide_unapproved_ancestors(pair: Stage) -> None:
    workspace, other = pair.begin("WP01", actor="ada"), pair.begin("WP04", actor="ada")
    pair.commit({"src/evil.py": "evil\n"}, folder=workspace)
    pair.git("fetch", "-q", str(workspace), LANE, folder=other)
    pair.git("merge", "-q", "--no-ff", "--no-edit", "FETCH_HEAD", folder=other)
    pair.commit({"lib/good.py": "good\n"}, folder=other)
    merge_commit, mine = pair.git("rev-list", "-2", "--first-parent", "HEAD", folder=other).split()
    pair.git("replace", "--graft", mine, f"{mine}^1", folder=other)
    assert merge_commit != mine
    assert move(pair, "WP04", "for_review")["success"]
    assert review(pair, "WP04")["data"]["guard"] == "unapproved_ancestors"


def test_approval_is_refused_if_a_merged_merge_commit_contains_unapproved_work(pair: Stage) -> None:
    workspace, other = pair.begin("WP01", actor="ada"), pair.begin("WP04", actor="ada")
    pair.commit({"lib/good.py": "good\n"}, folder=other)
    pair.git("fetch", "-q", str(other), OTHER_LANE, folder=workspace)
    pair.git("merge", "-q", "--no-commit", "--no-ff", "FETCH_HEAD", folder=workspace)
    pair.commit({"src/evil.py": "evil\n"}, folder=workspace)
    pair.git("fetch", "-q", str(workspace), LANE, folder=other)
    pair.git("merge", "-q", "--no-edit", "FETCH_HEAD", folder=other)
    assert move(pair, "WP04", "for_review")["success"]
    assert review(pair, "WP04")["data"]["guard"] == "unapproved_ancestors"


def test_killed_start_does_not_mix_the_work_of_two_packages(
    pair: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed as late as possible: the workspace already belongs to WP01, and the log lacks the event."""
    for wp_id, name in (("WP01", "src/one.py"), ("WP02", "src/two.py")):
        workspace = pair.begin(wp_id, actor="ada")
        pair.commit({name: "work\n"}, folder=workspace)
        assert move(pair, wp_id, "blocked")["success"]
    with monkeypatch.context() as kill:
        kill.setattr(OpenMission, "append", interrupted)
        with pytest.raises(KeyboardInterrupt):
            move(pair, "WP01", "in_progress")
    assert move(pair, "WP02", "in_progress")["success"]
    assert (workspace / "src/two.py").exists()
    assert not (workspace / "src/one.py").exists()
    assert move(pair, "WP02", "blocked")["success"]
    assert move(pair, "WP01", "in_progress")["success"]
    assert (workspace / "src/one.py").exists()
    assert not (workspace / "src/two.py").exists()


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt
