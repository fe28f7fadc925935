from __future__ import annotations

import pytest

from specify_cli.core.lanes import MOVES, POLICY_REQUIRED, TERMINAL, Lane, lane_named


@pytest.mark.parametrize("lane", Lane)
def test_lane_named_ignores_case_and_surrounding_space(lane: Lane) -> None:
    assert lane_named(f"  {lane.value.upper()}\n") is lane


def test_doing_is_an_alias_of_in_progress() -> None:
    assert lane_named(" Doing ") is Lane.IN_PROGRESS
    assert "doing" not in set(Lane)


@pytest.mark.parametrize("text", ["", " ", "genesis", "in progress", "in-progress", "PLANNED!"])
def test_lane_named_returns_none_for_unknown_text(text: str) -> None:
    assert lane_named(text) is None


def test_only_the_terminal_status_lanes_have_no_outgoing_transition() -> None:
    left = {origin for origin, _ in MOVES}
    assert left == set(Lane) - TERMINAL


def test_every_status_lane_can_be_reached_from_planned() -> None:
    reached = {Lane.PLANNED}
    while more := {to for origin, to in MOVES if origin in reached} - reached:
        reached |= more
    assert reached == set(Lane)


def test_no_transition_leads_back_to_its_own_status_lane() -> None:
    assert all(origin is not to for origin, to in MOVES)


def test_a_policy_is_required_for_status_lanes_of_work_review_and_approval() -> None:
    assert set(Lane) - POLICY_REQUIRED == {
        Lane.PLANNED,
        Lane.DONE,
        Lane.BLOCKED,
        Lane.CANCELED,
    }
