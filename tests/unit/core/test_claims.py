"""Claims: who holds a package, when a claim is stale, and requests that come too late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from specify_cli.core import claims
from specify_cli.core.claims import Life
from specify_cli.core.events import Transitioned
from specify_cli.core.lanes import HELD, Lane
from specify_cli.core.move_intent import MoveIntent
from specify_cli.core.state import PackageState, replay
from specify_cli.errors import TransitionRejected, WorkPackageAlreadyClaimed

NOON = datetime(2026, 5, 6, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def moved(actor: str, origin: Lane, to: Lane, *, released: str | None = None) -> Transitioned:
    return Transitioned(
        event_id="", at="", actor=actor, wp_id="WP01", from_lane=origin, to_lane=to,
        released_holder=released,
    )  # fmt: skip


def state(*moves: Transitioned) -> PackageState:
    return replay(moves).of("WP01")


CLAIMED = moved("ada", Lane.PLANNED, Lane.CLAIMED)
BEGUN = moved("ada", Lane.CLAIMED, Lane.IN_PROGRESS)
FREED = moved("carol", Lane.IN_PROGRESS, Lane.PLANNED, released="ada")
HANDED_IN = moved("ada", Lane.IN_PROGRESS, Lane.FOR_REVIEW)
REVIEWED = moved("rev", Lane.FOR_REVIEW, Lane.IN_REVIEW)
REVIEW_FREED = moved("carol", Lane.IN_REVIEW, Lane.FOR_REVIEW, released="rev")
TAKEN = moved("bob", Lane.PLANNED, Lane.CLAIMED)


def intent(actor: str, to: Lane, *, force: bool = False) -> MoveIntent:
    return MoveIntent(wp_id="WP01", actor=actor, to=to, force=force, note="late")


def release(package: PackageState, life: Life, *, force: bool = False, by: str = "carol") -> str:
    request = intent(by, package.lane, force=force)
    holder, to = claims.decide_release(package, request, mission="001-search", life=life, now=NOON)
    return f"{holder} {to}"


def test_the_holder_is_the_implementer_during_work_and_the_reviewer_in_review() -> None:
    assert state(CLAIMED).holder == state(CLAIMED, BEGUN).holder == "ada"
    assert state(CLAIMED, BEGUN, HANDED_IN).holder is None
    assert state(CLAIMED, BEGUN, HANDED_IN, REVIEWED).holder == "rev"


@pytest.mark.parametrize("lane", sorted(set(Lane) - HELD))
def test_a_package_without_a_holder_cannot_be_released(lane: Lane) -> None:
    for force in (False, True):
        with pytest.raises(TransitionRejected) as refused:
            release(
                PackageState(lane=lane, claimed_by="ada"), life(NOON - HOUR, rule=1), force=force
            )
        assert refused.value.details["guard"] == "not_held"


def life(*moments: datetime | None, rule: int | None = None) -> Life:
    return Life(moments=moments, stale_after_s=rule)


@pytest.mark.parametrize(
    ("life", "stale_at"),
    [
        (life(NOON - HOUR, rule=None), None),
        (life(NOON - HOUR, rule=3601), NOON + timedelta(seconds=1)),
        (
            life(NOON - 9 * HOUR, NOON - HOUR, NOON - 2 * HOUR, rule=3601),
            NOON + timedelta(seconds=1),
        ),
        (life(rule=1), None),
        (life(None, NOON - 9 * HOUR, rule=1), None),
        (life(NOON - 9 * HOUR, None, NOON - 9 * HOUR, rule=1), None),
        (life(NOON + HOUR, NOON - 9 * HOUR, rule=3600), NOON + 2 * HOUR),
        (life(NOON - 9 * HOUR, NOON + HOUR, rule=3600), NOON + 2 * HOUR),
        (life(NOON - 9 * HOUR, datetime.max.replace(tzinfo=UTC), rule=1), None),
    ],
)
def test_a_claim_that_is_not_stale_is_released_only_by_force(
    life: Life, stale_at: datetime | None
) -> None:
    package = state(CLAIMED, BEGUN)
    with pytest.raises(TransitionRejected) as refused:
        release(package, life)
    assert refused.value.details["guard"] == "not_stale"
    told = stale_at.isoformat(timespec="microseconds") if stale_at else None
    assert refused.value.details.get("stale_at") == told
    assert release(package, life, force=True) == "ada planned"


def test_a_stale_claim_is_released_to_planned_or_for_review() -> None:
    silent = life(NOON - HOUR, rule=3600)
    assert release(state(CLAIMED), silent) == "ada planned"
    assert release(state(CLAIMED, BEGUN), silent) == "ada planned"
    assert release(state(CLAIMED, BEGUN, HANDED_IN, REVIEWED), silent) == "rev for_review"


def test_a_sign_of_life_counts_only_if_newer_than_the_entry_into_the_status_lane() -> None:
    assert life(NOON).sign is life(NOON, NOON - HOUR).sign is life(NOON, None).sign is None
    assert life(NOON, NOON + 2 * HOUR, NOON + HOUR).sign == NOON + 2 * HOUR
    assert life(None, NOON).sign == NOON


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("to", Lane)
def test_an_actor_whose_claim_was_released_cannot_move_a_package_of_another(
    to: Lane, force: bool
) -> None:
    with pytest.raises(WorkPackageAlreadyClaimed) as refused:
        claims.check_admitted(
            state(CLAIMED, BEGUN, FREED, TAKEN), intent("ada", to, force=force), mission="001-a"
        )
    assert refused.value.details == {"claimed_by": "bob", "requesting_actor": "ada"}


@pytest.mark.parametrize(
    ("lane", "holder"),
    [(Lane.FOR_REVIEW, "bob"), (Lane.BLOCKED, "bob"), (Lane.IN_REVIEW, "rev")]
    + [(lane, None) for lane in (Lane.APPROVED, Lane.DONE, Lane.CANCELED, Lane.PLANNED)],
)
def test_a_late_request_is_refused_with_the_current_holder_if_any(
    lane: Lane, holder: str | None
) -> None:
    package = PackageState(
        lane=lane,
        claimed_by="bob",
        reviewer="rev" if lane is Lane.IN_REVIEW else None,
        released=frozenset({"ada"}),
    )
    with pytest.raises((WorkPackageAlreadyClaimed, TransitionRejected)) as refused:
        claims.check_admitted(package, intent("ada", Lane.PLANNED), mission="001-a")
    assert refused.value.details.get("claimed_by") == holder
    assert (refused.value.details.get("guard") == "claim_released") is (holder is None)


def test_an_actor_whose_claim_was_released_must_claim_again_before_acting() -> None:
    free = state(CLAIMED, BEGUN, FREED)
    claims.check_admitted(free, intent("ada", Lane.CLAIMED), mission="001-a")
    claims.check_admitted(free, intent("ada", Lane.IN_PROGRESS), mission="001-a")
    for late in (intent("ada", Lane.FOR_REVIEW), intent("ada", Lane.IN_PROGRESS, force=True)):
        with pytest.raises(TransitionRejected) as refused:
            claims.check_admitted(free, late, mission="001-a")
        assert refused.value.details["guard"] == "claim_released"
    again = state(CLAIMED, BEGUN, FREED, CLAIMED, BEGUN)
    claims.check_admitted(again, intent("ada", Lane.FOR_REVIEW), mission="001-a")


def test_a_reviewer_whose_claim_was_released_must_claim_again_before_a_verdict() -> None:
    waiting = state(CLAIMED, BEGUN, HANDED_IN, REVIEWED, REVIEW_FREED)
    with pytest.raises(WorkPackageAlreadyClaimed):
        claims.check_admitted(waiting, intent("rev", Lane.APPROVED, force=True), mission="001-a")
    claims.check_admitted(waiting, intent("rev", Lane.IN_REVIEW), mission="001-a")
    resumed = state(CLAIMED, BEGUN, HANDED_IN, REVIEWED, REVIEW_FREED, REVIEWED)
    claims.check_admitted(resumed, intent("rev", Lane.APPROVED), mission="001-a")


def test_an_implementer_whose_self_review_was_released_can_resume_the_rework() -> None:
    own = moved("ada", Lane.FOR_REVIEW, Lane.IN_REVIEW)
    lost = moved("carol", Lane.IN_REVIEW, Lane.FOR_REVIEW, released="ada")
    back = moved("rev", Lane.IN_REVIEW, Lane.IN_PROGRESS)
    waiting = state(CLAIMED, BEGUN, HANDED_IN, own, lost)
    with pytest.raises(TransitionRejected) as refused:
        claims.check_admitted(waiting, intent("ada", Lane.APPROVED, force=True), mission="001-a")
    assert refused.value.details["guard"] == "claim_released"
    sent_back = state(CLAIMED, BEGUN, HANDED_IN, own, lost, REVIEWED, back)
    claims.check_admitted(sent_back, intent("ada", Lane.FOR_REVIEW), mission="001-a")


def test_a_released_claim_does_not_restrict_other_actors() -> None:
    claims.check_admitted(
        state(CLAIMED, BEGUN, FREED, TAKEN), intent("boss", Lane.PLANNED), mission="001-a"
    )


def test_a_holder_can_release_their_own_claim_at_any_time_and_act_afterwards() -> None:
    given_back = state(CLAIMED, BEGUN, moved("ada", Lane.IN_PROGRESS, Lane.PLANNED, released="ada"))
    assert release(state(CLAIMED, BEGUN), Life(), by="ada") == "ada planned"
    assert release(state(CLAIMED, BEGUN, HANDED_IN, REVIEWED), Life(), by="rev") == "rev for_review"
    claims.check_admitted(given_back, intent("ada", Lane.CANCELED), mission="001-search")
