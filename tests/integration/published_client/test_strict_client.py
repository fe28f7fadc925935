"""Clients of the strict generation, which was never published, played by a script of ours."""

from __future__ import annotations

import pytest

from tests.integration.published_client import history
from tests.integration.published_client.history import REVIEWED, TAKEN
from tests.integration.published_client.run import Run

pytestmark = pytest.mark.long

RECOVERED = ["in_review -> for_review, forced", "for_review -> in_review"]
APPROVED = ["in_review -> approved", "approved -> done"]


@pytest.mark.campaign
def test_strict_client_resumes_its_own_work_and_reviews_without_other_force(
    run: Run,
) -> None:
    packages = {
        "WP01": {"owned_files": ["work/WP01.txt", "notes/index.txt"], "subtasks": ["T001"]},
        "WP02": {"owned_files": ["work/WP02.txt", "notes/index.txt"], "dependencies": ["WP01"]},
    }
    run.prepare(packages)
    run.plan({"claude review WP01": ["reject", "hold"], "claude implement WP02": ["hold"]})
    run.kill_when_held(run.start_strict_client(), ["claude review WP01"])
    assert run.lanes() == {"WP01": "in_review", "WP02": "planned"}
    run.kill_when_held(run.start_strict_client(), ["claude implement WP02"])
    assert run.lanes() == {"WP01": "approved", "WP02": "in_progress"}

    assert run.end_of(run.start_strict_client()) == 0, run.said
    assert run.lanes() == dict.fromkeys(packages, "approved")
    run.accept_and_merge()

    rework = ["in_review -> in_progress", *REVIEWED]
    assert history.moves(run.stage, "WP01") == [
        *TAKEN,
        *REVIEWED,
        *rework,
        *RECOVERED,
        *APPROVED,
    ]
    assert history.moves(run.stage, "WP02") == [*TAKEN, *REVIEWED, *APPROVED]
    assert_reviews_are_recorded(run)
    history.assert_no_lane_was_skipped(run.stage)
    history.assert_merged(run.stage, packages)


@pytest.mark.campaign
def test_all_packages_of_one_ready_list_are_started_and_finished(run: Run) -> None:
    packages = {
        "WP01": {"owned_files": ["work/WP01.txt", "notes/index.txt"]},
        "WP02": {"owned_files": ["work/WP02.txt", "notes/index.txt"]},
        "WP03": {"owned_files": ["work/WP03.txt"]},
    }
    run.prepare(packages)
    assert run.end_of(run.start_strict_client()) == 0, run.said
    assert run.lanes() == dict.fromkeys(packages, "approved")
    assert history.most_at_work(run.stage) == 2
    run.accept_and_merge()
    history.assert_no_lane_was_skipped(run.stage)
    history.assert_merged(run.stage, packages)


def assert_reviews_are_recorded(run: Run) -> None:
    """Check that every decided review has its result in the log, and every approval its evidence."""
    for event in history.moving_events(run.stage):
        if event["from_lane"] == "in_review" and not event["force"]:
            assert event["review_result"]["reference"] == f"review-{event['wp_id']}"
            assert event["policy_metadata"]["orchestrator_id"] == "strict-client"
        if event["to_lane"] == "approved":
            assert event["evidence"]["review"]["verdict"] == "approved"
