from __future__ import annotations

import pytest

from specify_cli.core.lanes import MOVES, POLICY_REQUIRED, TERMINAL, Lane, lane_named


@pytest.mark.parametrize("lane", Lane)
def test_a_lane_is_known_by_its_name_trimmed_and_in_any_case(lane: Lane) -> None:
    assert lane_named(f"  {lane.value.upper()}\n") is lane


def test_doing_means_in_progress_and_is_never_a_lane_of_its_own() -> None:
    assert lane_named(" Doing ") is Lane.IN_PROGRESS
    assert "doing" not in set(Lane)


@pytest.mark.parametrize("text", ["", " ", "genesis", "in progress", "in-progress", "PLANNED!"])
def test_any_other_text_names_no_lane(text: str) -> None:
    assert lane_named(text) is None


def test_nothing_leaves_a_terminal_lane_and_every_other_lane_can_be_left() -> None:
    left = {origin for origin, _ in MOVES}
    assert left == set(Lane) - TERMINAL


def test_every_lane_can_be_reached_from_planned() -> None:
    reached = {Lane.PLANNED}
    while more := {to for origin, to in MOVES if origin in reached} - reached:
        reached |= more
    assert reached == set(Lane)


def test_no_move_stays_where_it_is() -> None:
    assert all(origin is not to for origin, to in MOVES)


def test_policy_is_asked_for_where_agents_work_or_their_work_is_passed() -> None:
    assert set(Lane) - POLICY_REQUIRED == {
        Lane.PLANNED,
        Lane.DONE,
        Lane.BLOCKED,
        Lane.CANCELED,
    }
