"""The published `spec-kitty-orchestrator` is killed during its run, and its mission can still be merged."""

from __future__ import annotations

import pytest

from tests.integration.published_client import history
from tests.integration.published_client.history import FORCED_DONE, REVIEWED, TAKEN
from tests.integration.published_client.run import Run
from tests.integration.stage import POLICY

pytestmark = pytest.mark.long


@pytest.mark.campaign
def test_mission_of_a_killed_client_is_finished_after_a_person_releases_its_packages(
    run: Run,
) -> None:
    packages = {
        "WP01": {"owned_files": ["work/WP01.txt"]},
        "WP02": {"owned_files": ["work/WP02.txt"]},
        "WP03": {"owned_files": ["work/WP03.txt"], "dependencies": ["WP01", "WP02"]},
    }
    held = {"claude implement WP01": ["hold"], "claude review WP02": ["hold"]}
    run.prepare(packages)
    run.plan(held)
    run.kill_when_held(run.start_orchestrating(), list(held))
    stranded = {"WP01": "in_progress", "WP02": "for_review", "WP03": "planned"}
    assert run.lanes() == stranded
    before = run.stage.events()

    # This client starts only ready packages: without one it gives up.
    assert run.resume() != 0
    assert run.lanes() == stranded
    assert run.stage.events() == before

    run.move("WP01", "planned", note="its orchestrator was killed")
    run.ask("start-review", wp="WP02", actor="person", policy=POLICY)
    approved = {"reviewer": "person", "verdict": "approved", "reference": "read-by-hand"}
    # Not `approved`, which this client waits for.
    run.move("WP02", "done", review_result_json=approved)
    assert run.resume() == 0, run.said
    merged = run.accept_and_merge()

    assert set(merged["merged_wps"]) == set(packages)
    assert history.moves(run.stage, "WP01") == [
        *TAKEN,
        "in_progress -> planned",
        *TAKEN,
        *REVIEWED,
        FORCED_DONE,
    ]
    assert history.forced(run.stage) == {FORCED_DONE}
    history.assert_no_lane_was_skipped(run.stage)
    history.assert_merged(run.stage, packages)
    # The next agent found the uncommitted work of the killed one.
    assert run.stage.git("show", "main:work/WP01.txt").splitlines()[0] == "half of it"
