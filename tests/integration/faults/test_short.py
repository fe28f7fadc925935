"""A short run of the fault suite, and a test for each fault that it has found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import campaign, shim, state
from tests.faults.campaign import Choice, Ground, tasks
from tests.faults.kinds import KINDS
from tests.faults.points import Struck
from tests.faults.shim import Call

SHORT = Choice(
    seed=4,
    kinds=("kill-before", "enospc", "power-loss"),
    scenarios=("start-implementation", "merge-mission/merge", "heartbeat"),
    limit=1,
)


def test_sampled_faults_lose_and_duplicate_nothing(ground: Ground) -> None:
    results = [ground.strike(task) for task in tasks(ground, SHORT)]
    assert results
    assert [(it.again, it.problems) for result in results for it in result.failures] == []


def test_killed_host_without_in_memory_state_loses_and_duplicates_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in campaign.ISOLATION.items():
        monkeypatch.setenv(name, value)
    choice = Choice(
        seed=4, kinds=("kill-before",), scenarios=("append-history",), limit=2, without_memory=True
    )
    forgetful = Ground(tmp_path, shim.build(tmp_path), without_memory=True)
    try:
        results = [forgetful.strike(task) for task in tasks(forgetful, choice)]
    finally:
        forgetful.close()
    assert results
    assert [(it.again, it.problems) for result in results for it in result.failures] == []


@pytest.mark.parametrize("kind", ["events-overflowing", "slow-reader", "duplicate-delivery"])
def test_worker_tolerates_overflowing_events_slow_readers_and_duplicate_delivery(
    ground: Ground, kind: str
) -> None:
    choice = Choice(seed=4, kinds=(kind,), scenarios=("append-history",), limit=1)
    [result] = [ground.strike(task) for task in tasks(ground, choice)]
    assert [(it.again, it.problems) for it in result.failures] == []


def test_the_mode_of_a_record_folder_that_cannot_be_set_is_a_storage_failure(
    ground: Ground,
) -> None:
    folder = state.RECORD.rstrip("/")
    assert struck(ground, "mark-subtasks", "erofs", "chmod", folder) == []


def test_advice_of_doctor_sets_the_merge_driver_that_the_disk_refused(ground: Ground) -> None:
    assert struck(ground, "mark-subtasks", "eio", "write", state.ATTRIBUTES) == []


def test_point_beyond_the_last_call_is_not_struck(ground: Ground) -> None:
    choice = Choice(kinds=("eio", "power-loss"), scenarios=("append-history",), at=10_000)
    assert list(tasks(ground, choice)) == []


def struck(ground: Ground, scenario: str, kind: str, op: str, ending: str) -> list[str]:
    """Problems after that fault at the last call of that kind on such a path."""
    place, golden, calls = ground.ready(scenario, "cli")
    found = [call.number for call in calls if _fits(call, op, ending)]
    assert found, f"no {op} of {ending}"
    return Struck(place, golden).problems(KINDS[kind].orders(found[-1]))


def _fits(call: Call, op: str, ending: str) -> bool:
    return call.op == op and call.path.endswith(ending)


def test_new_log_whose_folder_cannot_be_synced_leaves_no_event(ground: Ground) -> None:
    name = "kitty-specs/001-search"
    assert struck(ground, "start-implementation", "enospc", "sync", name) == []


def test_merge_whose_reflog_cannot_be_written_is_made_once(ground: Ground) -> None:
    assert struck(ground, "merge-mission/merge", "eio", "open", ".git/logs/HEAD") == []


def test_merge_that_cannot_be_recorded_is_not_reported_as_refused(ground: Ground) -> None:
    record = "record.db-wal"
    assert struck(ground, "merge-mission/merge", "eio", "sync", record) == []


def test_git_object_that_cannot_be_written_leaves_a_consistent_project(ground: Ground) -> None:
    name = "/tmp_obj_"
    place, golden, calls = ground.ready("merge-mission/merge", "cli")
    [*_, at] = [call.number for call in calls if call.op == "write" and name in call.path]
    assert Struck(place, golden).problems(KINDS["eio"].orders(at)) == []


@pytest.mark.parametrize("name", ["HEAD", "config", "packed-refs"])
def test_incomplete_workspace_is_created_again(ground: Ground, name: str) -> None:
    path = f"001-search-lane-a/workspace/.git/{name}"
    assert struck(ground, "start-implementation", "kill-before", "write", path) == []
