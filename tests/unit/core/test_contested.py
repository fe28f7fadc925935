"""A package that two hosts moved independently is contested until a person decides."""

from __future__ import annotations

import pytest

from specify_cli.core import claims
from specify_cli.core.dependencies import unsatisfied
from specify_cli.core.events import Annotated, Event, Transitioned
from specify_cli.core.lane_schedule import is_startable
from specify_cli.core.lanes import Lane
from specify_cli.core.move_intent import MoveIntent
from specify_cli.core.state import PackageState, replay
from specify_cli.errors import TransitionRejected


def moved(origin: Lane, to: Lane, *, force: bool = False) -> Transitioned:
    return Transitioned(
        event_id="", at="", actor="ada", wp_id="WP01", from_lane=origin, to_lane=to, force=force
    )


def intent(*, force: bool) -> MoveIntent:
    return MoveIntent(wp_id="WP01", actor="bob", to=Lane.CLAIMED, force=force, note="bob has it")


CLAIMED = moved(Lane.PLANNED, Lane.CLAIMED)
CLAIMED_ELSEWHERE = CLAIMED._replace(actor="bob")
CONTESTED = replay([CLAIMED, CLAIMED_ELSEWHERE]).of("WP01")


def test_a_transition_from_a_status_lane_other_than_the_current_one_contests_the_package() -> None:
    assert (CONTESTED.lane, CONTESTED.claimed_by) == (Lane.CLAIMED, "bob")
    assert CONTESTED.contested is Lane.PLANNED


def test_a_package_stays_contested_until_a_forced_transition() -> None:
    begun = moved(Lane.CLAIMED, Lane.IN_PROGRESS)
    note = Annotated(event_id="", at="", actor="ada", wp_id="WP01", delta={"note": "?"})
    disputed: list[Event] = [CLAIMED, CLAIMED_ELSEWHERE, begun, note]
    assert replay(disputed).of("WP01").contested is Lane.PLANNED
    settled = moved(Lane.IN_PROGRESS, Lane.IN_PROGRESS, force=True)
    assert replay([*disputed, settled]).of("WP01").contested is None


def test_a_forced_transition_does_not_contest_the_package() -> None:
    forced = moved(Lane.FOR_REVIEW, Lane.CLAIMED, force=True)
    assert replay([CLAIMED, forced]).of("WP01").contested is None


def test_a_contested_package_can_be_changed_only_by_force() -> None:
    with pytest.raises(
        TransitionRejected,
        match="spec-kitty move WP01 claimed --mission 001-a --force --note 'this is its state'",
    ) as found:
        claims.check_admitted(CONTESTED, intent(force=False), mission="001-a")
    assert found.value.details["guard"] == "contested"
    claims.check_admitted(CONTESTED, intent(force=True), mission="001-a")
    claims.check_admitted(CONTESTED._replace(contested=None), intent(force=False), mission="001-a")


def test_a_contested_package_cannot_be_started_or_satisfy_a_dependency() -> None:
    approved = PackageState(lane=Lane.APPROVED, contested=Lane.PLANNED)
    assert not approved.is_satisfied
    planned = replay([CLAIMED, moved(Lane.IN_PROGRESS, Lane.PLANNED)])
    graph: dict[str, list[str]] = {"WP01": []}
    assert unsatisfied(graph, "WP01", planned) == ()
    assert not is_startable("WP01", graph, planned)
