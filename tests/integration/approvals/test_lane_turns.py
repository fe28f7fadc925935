"""Only one package at a time works in an execution lane, whichever transition it comes by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.stage import APPROVED, SLUG, Stage

SHARED = {
    "WP01": {"owned_files": ["src/**"]},
    "WP02": {"owned_files": ["src/**"]},
    "WP03": {"owned_files": ["docs/**"]},
}


@pytest.fixture
def shared(stage: Stage) -> Stage:
    """WP01 and WP02 share an execution lane, WP03 has one of its own."""
    stage.write_mission(SHARED)
    return stage


def start(stage: Stage, wp_id: str, **args: Any) -> dict[str, Any]:
    return stage.ask("start-implementation", mission=SLUG, wp=wp_id, actor="ada", **args)


def move(stage: Stage, wp_id: str, to: str, **args: Any) -> dict[str, Any]:
    return stage.ask("transition", mission=SLUG, wp=wp_id, to=to, actor="ada", **args)


def ready(stage: Stage) -> list[str]:
    listed = stage.done("list-ready", mission=SLUG)["ready_work_packages"]
    return [package["wp_id"] for package in listed]


def waiting(stage: Stage) -> dict[str, str | None]:
    packages = stage.done("mission-state", mission=SLUG)["work_packages"]
    return {it["wp_id"]: it.get("waiting_for_lane") for it in packages}


def test_list_ready_names_one_package_of_each_execution_lane(shared: Stage) -> None:
    assert ready(shared) == ["WP01", "WP03"]
    assert waiting(shared) == {"WP01": None, "WP02": "WP01", "WP03": None}


def test_all_packages_of_one_ready_list_can_be_started(shared: Stage) -> None:
    answers = [start(shared, wp_id) for wp_id in ready(shared)]
    assert all(it["success"] for it in answers), answers
    assert ready(shared) == []


@pytest.mark.parametrize(
    ("to", "args"),
    [
        ("claimed", {}),
        ("claimed", {"force": True, "note": "now"}),
        ("in_progress", {"force": True, "note": "now"}),
        ("for_review", {"force": True, "note": "now"}),
        ("in_review", {"force": True, "note": "now"}),
    ],
)
def test_move_into_an_occupied_execution_lane_is_refused_naming_the_holder(
    shared: Stage, to: str, args: dict[str, Any]
) -> None:
    assert start(shared, "WP01")["success"]
    log = shared.root / "kitty-specs" / SLUG / "status.events.jsonl"
    before = log.read_bytes()
    for answer in (start(shared, "WP02"), move(shared, "WP02", to, **args)):
        assert answer["error_code"] == "LANE_ALLOCATION_FAILED"
        data = answer["data"]
        named = (data["reason_code"], data["occupied_by"], data["claimed_by"], data["retryable"])
        assert named == ("lane_occupied", "WP01", "ada", True)
    assert log.read_bytes() == before


@pytest.mark.parametrize("lane", ["approved", "blocked", "canceled", "planned", "done"])
def test_package_that_leaves_progress_frees_its_execution_lane(shared: Stage, lane: str) -> None:
    assert start(shared, "WP01")["success"]
    left = move(shared, "WP01", lane, force=True, note="because")
    assert left["success"], left
    assert start(shared, "WP02")["success"]


@pytest.mark.parametrize("lane", ["for_review", "in_review"])
def test_package_in_review_occupies_its_execution_lane(shared: Stage, lane: str) -> None:
    assert start(shared, "WP01")["success"]
    assert move(shared, "WP01", lane, force=True, note="because")["success"]
    assert start(shared, "WP02")["data"]["occupied_by"] == "WP01"


def test_package_that_was_started_before_is_listed_as_ready_first(shared: Stage) -> None:
    assert start(shared, "WP02")["success"]
    assert move(shared, "WP02", "planned", note="later")["success"]
    assert ready(shared) == ["WP02", "WP03"]


def test_packages_already_in_progress_in_one_execution_lane_can_continue(shared: Stage) -> None:
    """An older version started both; they share the execution lane until one of them leaves it."""
    assert start(shared, "WP01")["success"]
    log = shared.root / "kitty-specs" / SLUG / "status.events.jsonl"
    line = (
        '{"event_id":"01JA0000000000000000000001","at":"2026-01-05T09:01:00+00:00","actor":"bo",'
        f'"mission_slug":"{SLUG}","wp_id":"WP02","from_lane":"planned","to_lane":"in_progress",'
        '"force":false,"reason":null,"review_ref":null,"evidence":null,"policy_metadata":null}\n'
    )
    log.write_bytes(log.read_bytes() + line.encode())
    workspace = Path(start(shared, "WP01")["data"]["workspace_path"])
    shared.commit({"src/one.py": "one\n"}, folder=workspace)
    assert move(shared, "WP01", "for_review")["success"]
    approval = {"review_result": APPROVED}
    assert shared.ask("start-review", mission=SLUG, wp="WP01", actor="reviewer")["success"]
    assert move(shared, "WP01", "approved", **approval)["success"]
    shared.commit({"src/two.py": "two\n"}, folder=workspace)
    assert move(shared, "WP02", "for_review")["success"]
