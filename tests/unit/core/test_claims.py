"""Claims: who holds what, when one is stale, and who asks too late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from specify_cli.core import claims
from specify_cli.core.claims import Life
from specify_cli.core.events import Moved
from specify_cli.core.lanes import HELD, Lane
from specify_cli.core.state import PackageState, replay
from specify_cli.core.wishes import Wish
from specify_cli.errors import TransitionRejected, WorkPackageAlreadyClaimed

NOON = datetime(2026, 5, 6, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def moved(actor: str, origin: Lane, to: Lane, *, released: str | None = None) -> Moved:
    return Moved(
        event_id="", at="", actor=actor, wp_id="WP01", from_lane=origin, to_lane=to,
        released_holder=released,
    )  # fmt: skip


def state(*moves: Moved) -> PackageState:
    return replay(moves).of("WP01")


CLAIMED = moved("ada", Lane.PLANNED, Lane.CLAIMED)
BEGUN = moved("ada", Lane.CLAIMED, Lane.IN_PROGRESS)
FREED = moved("carol", Lane.IN_PROGRESS, Lane.PLANNED, released="ada")
HANDED_IN = moved("ada", Lane.IN_PROGRESS, Lane.FOR_REVIEW)
REVIEWED = moved("rev", Lane.FOR_REVIEW, Lane.IN_REVIEW)
REVIEW_FREED = moved("carol", Lane.IN_REVIEW, Lane.FOR_REVIEW, released="rev")
TAKEN = moved("bob", Lane.PLANNED, Lane.CLAIMED)


def wish(actor: str, to: Lane, *, force: bool = False) -> Wish:
    return Wish(wp_id="WP01", actor=actor, to=to, force=force, note="late")


def release(package: PackageState, life: Life, *, rule: int | None, force: bool = False) -> str:
    holder, to = claims.decide_release(
        package, "WP01", life=life, stale_after_s=rule, now=NOON, force=force
    )
    return f"{holder} {to}"


def test_the_implementer_holds_a_package_in_work_and_the_reviewer_one_in_review() -> None:
    assert state(CLAIMED).holder == state(CLAIMED, BEGUN).holder == "ada"
    assert state(CLAIMED, BEGUN, HANDED_IN).holder is None
    assert state(CLAIMED, BEGUN, HANDED_IN, REVIEWED).holder == "rev"


@pytest.mark.parametrize("lane", sorted(set(Lane) - HELD))
def test_where_nobody_holds_a_package_nothing_is_released(lane: Lane) -> None:
    for force in (False, True):
        with pytest.raises(TransitionRejected) as refused:
            release(PackageState(lane=lane, claimed_by="ada"), Life(), rule=1, force=force)
        assert refused.value.details["guard"] == "not_held"


@pytest.mark.parametrize(
    ("life", "rule"),
    [
        (Life(since=NOON - HOUR), None),
        (Life(since=NOON - HOUR), 3601),
        (Life(since=NOON - 9 * HOUR, sign=NOON - HOUR), 3601),
        (Life(), 1),
    ],
)
def test_what_is_not_stale_by_the_operator_s_rule_is_not_released(
    life: Life, rule: int | None
) -> None:
    package = state(CLAIMED, BEGUN)
    with pytest.raises(TransitionRejected) as refused:
        release(package, life, rule=rule)
    assert refused.value.details["guard"] == "not_stale"
    is_known = rule is not None and life.since is not None
    assert ("stale_at" in refused.value.details) is is_known
    assert release(package, life, rule=rule, force=True) == "ada planned"


def test_what_is_stale_is_released_to_where_others_can_take_it() -> None:
    silent = Life(since=NOON - HOUR)
    assert release(state(CLAIMED), silent, rule=3600) == "ada planned"
    assert release(state(CLAIMED, BEGUN), silent, rule=3600) == "ada planned"
    assert (
        release(state(CLAIMED, BEGUN, HANDED_IN, REVIEWED), silent, rule=3600) == "rev for_review"
    )


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("to", Lane)
def test_whose_claim_was_released_moves_nothing_that_another_one_holds(
    to: Lane, force: bool
) -> None:
    with pytest.raises(WorkPackageAlreadyClaimed) as refused:
        claims.check_not_released(state(CLAIMED, BEGUN, FREED, TAKEN), wish("ada", to, force=force))
    assert refused.value.details == {"claimed_by": "bob", "requesting_actor": "ada"}


def test_whose_claim_was_released_may_claim_anew_but_not_act_as_if_nothing_had_happened() -> None:
    free = state(CLAIMED, BEGUN, FREED)
    claims.check_not_released(free, wish("ada", Lane.CLAIMED))
    claims.check_not_released(free, wish("ada", Lane.IN_PROGRESS))
    for late in (wish("ada", Lane.FOR_REVIEW), wish("ada", Lane.IN_PROGRESS, force=True)):
        with pytest.raises(TransitionRejected) as refused:
            claims.check_not_released(free, late)
        assert refused.value.details["guard"] == "claim_released"
    again = state(CLAIMED, BEGUN, FREED, CLAIMED, BEGUN)
    claims.check_not_released(again, wish("ada", Lane.FOR_REVIEW))


def test_whose_review_was_released_gives_no_verdict_until_it_claims_the_review_again() -> None:
    waiting = state(CLAIMED, BEGUN, HANDED_IN, REVIEWED, REVIEW_FREED)
    with pytest.raises(WorkPackageAlreadyClaimed):
        claims.check_not_released(waiting, wish("rev", Lane.APPROVED, force=True))
    claims.check_not_released(waiting, wish("rev", Lane.IN_REVIEW))
    resumed = state(CLAIMED, BEGUN, HANDED_IN, REVIEWED, REVIEW_FREED, REVIEWED)
    claims.check_not_released(resumed, wish("rev", Lane.APPROVED))


def test_an_implementer_who_lost_a_review_of_its_own_goes_on_with_its_package() -> None:
    own = moved("ada", Lane.FOR_REVIEW, Lane.IN_REVIEW)
    lost = moved("carol", Lane.IN_REVIEW, Lane.FOR_REVIEW, released="ada")
    back = moved("rev", Lane.IN_REVIEW, Lane.IN_PROGRESS)
    waiting = state(CLAIMED, BEGUN, HANDED_IN, own, lost)
    with pytest.raises(TransitionRejected) as refused:
        claims.check_not_released(waiting, wish("ada", Lane.APPROVED, force=True))
    assert refused.value.details["guard"] == "claim_released"
    sent_back = state(CLAIMED, BEGUN, HANDED_IN, own, lost, REVIEWED, back)
    claims.check_not_released(sent_back, wish("ada", Lane.FOR_REVIEW))


def test_another_actor_moves_what_was_released_as_before() -> None:
    claims.check_not_released(state(CLAIMED, BEGUN, FREED, TAKEN), wish("boss", Lane.PLANNED))
