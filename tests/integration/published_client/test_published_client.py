"""The published `spec-kitty-orchestrator` drives this host from planned to merged."""

from __future__ import annotations

import base64
import hashlib
from importlib.metadata import distribution

import pytest

from tests.integration.published_client import history
from tests.integration.published_client.history import (
    FORCED_DONE,
    FORCED_REWORK,
    REVIEWED,
    TAKEN,
)
from tests.integration.published_client.run import Run
from tests.integration.stage import SLUG

pytestmark = pytest.mark.long

CLIENT = "spec-kitty-orchestrator"


def test_installed_client_is_the_published_one() -> None:
    published = distribution(CLIENT)
    sources = [file for file in published.files or () if file.suffix == ".py"]

    assert published.version == "0.1.2"
    assert sources
    for file in sources:
        assert file.hash is not None
        digest = hashlib.new(file.hash.mode, file.read_binary()).digest()
        assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == file.hash.value


@pytest.mark.campaign
def test_packages_with_dependencies_and_shared_files_are_merged(
    run: Run,
) -> None:
    packages = {
        "WP01": {"owned_files": ["work/WP01.txt", "notes/index.txt"], "subtasks": ["T001", "T002"]},
        "WP02": {"owned_files": ["work/WP02.txt", "notes/index.txt"], "dependencies": ["WP01"]},
        "WP03": {"owned_files": ["work/WP03.txt", "notes/query.txt"], "subtasks": ["T003"]},
        "WP04": {"owned_files": ["work/WP04.txt"], "dependencies": ["WP02", "WP03"]},
        "WP05": {"owned_files": ["work/WP05.txt", "notes/query.txt"], "subtasks": ["T004"]},
    }
    run.prepare(packages)

    assert run.orchestrate() == 0, run.said

    assert run.lanes() == dict.fromkeys(packages, "done")
    assert history.most_at_work(run.stage) == 2
    for wp_id in packages:
        assert history.moves(run.stage, wp_id) == [*TAKEN, *REVIEWED, FORCED_DONE]
    assert history.subtasks_marked_done(run.stage) == {"T001", "T002", "T003", "T004"}
    assert_history_went_to_the_main_checkout(run)

    merged = run.accept_and_merge()

    assert set(merged["merged_wps"]) == set(packages)
    assert merged["worktree_removed"]
    history.assert_no_lane_was_skipped(run.stage)
    history.assert_merged(run.stage, packages)


def assert_history_went_to_the_main_checkout(run: Run) -> None:
    """Check that notes from the client's own worktree are in the one log."""
    notes = [e["wp_id"] for e in run.stage.events() if "note" in e.get("delta", {})]
    assert set(notes) == {"WP01", "WP02", "WP03", "WP04", "WP05"}
    theirs = run.stage.root / ".worktrees" / f"{SLUG}-orchestrator"
    assert (theirs / "kitty-specs" / SLUG / "meta.json").exists()
    assert not (theirs / "kitty-specs" / SLUG / "status.events.jsonl").exists()


@pytest.mark.campaign
def test_rejected_work_is_reworked_in_the_same_workspace_and_merged(
    run: Run,
) -> None:
    packages = {
        "WP01": {"owned_files": ["work/WP01.txt"], "subtasks": ["T001"]},
        "WP02": {"owned_files": ["work/WP02.txt"], "subtasks": ["T002"]},
    }
    run.prepare(packages, max_retries=1)
    run.plan({"claude review WP01": ["reject"], "claude implement WP02": ["forget"]})

    assert run.orchestrate() == 0, run.said

    rework = [*REVIEWED, FORCED_REWORK, *REVIEWED, FORCED_DONE]
    assert history.moves(run.stage, "WP01") == [*TAKEN, *rework]
    # Unmarked subtasks do not stop this client from submitting.
    unmarked = ["in_progress -> for_review, forced", "for_review -> in_review", FORCED_DONE]
    assert history.moves(run.stage, "WP02") == [*TAKEN, *unmarked]
    branch = f"kitty/mission-{SLUG}-lane-a"
    assert len(history.commits(run.stage, "WP01", branch=branch)) == 2
    assert run.stage.git("show", f"{branch}:work/WP01.txt").splitlines() == [
        "WP01: claude",
        "WP01: claude: say what WP01 is for",
    ]

    run.accept_and_merge()

    assert len(history.commits(run.stage, "WP01")) == 2
    history.assert_no_lane_was_skipped(run.stage)
    history.assert_merged(run.stage, packages)


@pytest.mark.campaign
def test_blocked_package_holds_back_only_its_dependents_until_a_person_releases_it(
    run: Run,
) -> None:
    packages = {
        "WP01": {"owned_files": ["work/WP01.txt"]},
        "WP02": {"owned_files": ["work/WP02.txt"], "dependencies": ["WP01"]},
        "WP03": {"owned_files": ["work/WP03.txt"]},
    }
    run.prepare(packages, implementation=["codex", "opencode"])
    run.plan({"codex implement WP01": ["fail"], "opencode implement WP01": ["fail"]})

    assert run.orchestrate() != 0

    assert run.lanes() == {"WP01": "blocked", "WP02": "planned", "WP03": "done"}
    assert history.moves(run.stage, "WP01") == [*TAKEN, "in_progress -> blocked"]
    assert history.moves(run.stage, "WP02") == []
    reason = [e["reason"] for e in history.moving_events(run.stage) if e["to_lane"] == "blocked"]
    assert reason == ["All implementation agents exhausted"]

    run.move("WP01", "in_progress", note="the agents may try again")
    run.move("WP01", "planned", note="for the orchestrator to take")
    assert run.orchestrate() == 0, run.said
    run.accept_and_merge()

    assert history.forced(run.stage) == {FORCED_DONE}
    history.assert_no_lane_was_skipped(run.stage)
    history.assert_merged(run.stage, packages)


@pytest.mark.campaign
def test_every_agent_gets_its_prompt_commits_and_marks_its_subtasks(run: Run) -> None:
    packages = {
        f"WP0{n}": {"owned_files": [f"work/WP0{n}.txt"], "subtasks": [f"T00{n}"]} for n in (1, 2, 3)
    }
    run.prepare(packages, implementation=["codex", "opencode", "claude-code"])
    run.plan(
        {
            "codex implement WP02": ["fail"],
            "codex implement WP03": ["fail"],
            "opencode implement WP03": ["fail"],
        }
    )

    assert run.orchestrate(at_once=3) == 0, run.said

    assert history.forced(run.stage) == {FORCED_DONE}
    assert history.subtasks_marked_done(run.stage) == {"T001", "T002", "T003"}
    for call in run.agent_calls():
        wp_id = call["name"].split()[-1]
        prompt = run.stage.root / "kitty-specs" / SLUG / "tasks" / f"{wp_id}-step.md"
        assert call["prompt"] == prompt.read_text()

    run.accept_and_merge()

    history.assert_merged(run.stage, packages)
    for wp_id, author in {"WP01": "codex", "WP02": "opencode", "WP03": "claude"}.items():
        assert run.stage.git("show", f"main:work/{wp_id}.txt") == f"{wp_id}: {author}"
