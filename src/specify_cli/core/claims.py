"""Claims on packages and reviews: staleness, release, and requests of former holders."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from specify_cli.core.lanes import Lane
from specify_cli.core.state import PackageState
from specify_cli.errors import TransitionRejected, WorkPackageAlreadyClaimed

if TYPE_CHECKING:
    from specify_cli.core.move_intent import MoveIntent

_NEW_CLAIMS: Final = frozenset(
    {
        (Lane.PLANNED, Lane.CLAIMED),
        (Lane.PLANNED, Lane.IN_PROGRESS),
        (Lane.FOR_REVIEW, Lane.IN_REVIEW),
    }
)

_KEPT: Final = frozenset({Lane.FOR_REVIEW, Lane.BLOCKED})
"""Status lanes in which the implementer waits to continue, or for a review."""


class Life(NamedTuple):
    """The time at which a package entered its status lane, then the signs of life of its holder.

    None is a time that cannot be read. `stale_after_s` is the operator's setting, if there is one.
    """

    moments: tuple[datetime | None, ...] = ()
    stale_after_s: int | None = None

    @property
    def sign(self) -> datetime | None:
        """The newest sign of life; None if none is newer than the entry into the status lane."""
        since = self.moments[0] if self.moments else None
        newest = max(filter(None, self.moments), default=None)
        return None if newest == since else newest

    @property
    def stale_at(self) -> datetime | None:
        """The time at which the claim becomes stale; None without a setting, or if a time is unknown.

        A time in the future counts as it is, because the host cannot tell which clock is wrong.
        """
        known = [moment for moment in self.moments if moment]
        if self.stale_after_s is None or not known or len(known) < len(self.moments):
            return None
        try:
            return max(known) + timedelta(seconds=self.stale_after_s)
        except OverflowError:
            return None


def decide_release(
    package: PackageState,
    request: MoveIntent,
    *,
    mission: str,
    life: Life,
    now: datetime,
) -> tuple[str, Lane]:
    """Return the holder whose claim is released, and the status lane that the package goes to.

    A holder gives the own claim back at any time, and so does `force` with any claim.

    Args:
        mission: The mission as a shell argument, for the message.

    Raises:
        TransitionRejected: With the guard `not_held` or `not_stale`.
    """
    holder = package.holder
    to = Lane.FOR_REVIEW if package.lane is Lane.IN_REVIEW else Lane.PLANNED
    if holder is None:
        raise _not_held(package, request.wp_id, mission=mission, to=to)
    stale_at = life.stale_at
    if request.force or holder == request.actor or (stale_at is not None and now >= stale_at):
        return holder, to
    raise _not_stale(package, request.wp_id, mission=mission, life=life, to=to)


def check_holds(package: PackageState, wp_id: str, *, mission: str, actor: str) -> None:
    """Check that `actor` holds the package, or its review.

    Args:
        mission: The mission as a shell argument, for the message.

    Raises:
        WorkPackageAlreadyClaimed: Another actor holds it.
        TransitionRejected: Nobody holds it (guard `not_held`).
    """
    holder = package.holder
    if holder is None:
        raise _not_held(package, wp_id, mission=mission, to=package.lane)
    if holder != actor:
        raise already_claimed(f"{wp_id} is held by {holder!r}", holder, actor)


def check_admitted(package: PackageState, intent: MoveIntent, *, mission: str) -> None:
    """Check that the package is not contested and that the actor's claim was not released.

    Raises:
        WorkPackageAlreadyClaimed: The actor's claim was released, and another actor holds the package.
        TransitionRejected: With the guard `contested` or `claim_released`.
    """
    check_not_contested(package, intent, mission=mission)
    _check_not_released(package, intent)


def check_not_contested(package: PackageState, intent: MoveIntent, *, mission: str) -> None:
    """Check that the package is not contested, or that the transition is forced.

    Raises:
        TransitionRejected: With the guard `contested`.
    """
    if package.contested is not None and not intent.force:
        message = contest(package, intent.wp_id, mission=mission)
        raise _rejected(package, message, to_lane=intent.to.value, guard="contested")


def contest(package: PackageState, wp_id: str, *, mission: str) -> str:
    """Return why the package is contested and how to resolve that; empty if it is not."""
    if package.contested is None:
        return ""
    return (
        f"{wp_id} is contested: the log has a transition from {package.contested}, but it was not"
        f" {package.contested} then; it counts as {package.lane} until a person settles its state:"
        f" spec-kitty move {wp_id} {package.lane} --mission {mission} --force --note 'this is its state'"
    )


def _check_not_released(package: PackageState, intent: MoveIntent) -> None:
    """Check that the actor's claim was not released, or that the request claims the package anew.

    Force makes no difference.

    Raises:
        WorkPackageAlreadyClaimed: Another actor holds the package now.
        TransitionRejected: With the guard `claim_released`.
    """
    if intent.actor not in package.released or package.holder == intent.actor:
        return
    if not intent.force and _claims_anew(package, intent):
        return
    released_text = f"the claim of {intent.actor!r} on {intent.wp_id} was released"
    holder = package.holder or (package.claimed_by if package.lane in _KEPT else None)
    if holder is not None and holder != intent.actor:
        what = f"{released_text}, and it is {package.lane} and held by {holder!r} now"
        raise already_claimed(what, holder, intent.actor)
    again = "claim it again, or " if package.lane in (Lane.PLANNED, Lane.FOR_REVIEW) else ""
    message = f"{released_text}, and it is {package.lane} now: {again}take another package"
    raise _rejected(package, message, to_lane=intent.to.value, guard="claim_released")


def _claims_anew(package: PackageState, intent: MoveIntent) -> bool:
    resumes = (package.lane, intent.to) == (Lane.BLOCKED, Lane.IN_PROGRESS)
    is_free = package.claimed_by in (None, intent.actor)
    return (package.lane, intent.to) in _NEW_CLAIMS or (resumes and is_free)


def _not_held(package: PackageState, wp_id: str, *, mission: str, to: Lane) -> TransitionRejected:
    seen = f"see 'spec-kitty status {wp_id} --mission {mission}'"
    message = f"{wp_id} is {package.lane}, and nobody holds it: {seen}"
    return _rejected(package, message, to_lane=to.value, guard="not_held")


def _not_stale(
    package: PackageState, wp_id: str, *, mission: str, life: Life, to: Lane
) -> TransitionRejected:
    held = f"{wp_id} is held by {package.holder!r}"
    remedy = (
        "a person releases it with"
        f" 'spec-kitty release-claim {wp_id} --mission {mission} --force --note \"the holder is silent\"'"
    )
    if life.stale_at is None:
        why = "the date of one of its signs of life cannot be read"
        if life.stale_after_s is None:
            why = "no claim is stale without stale_after_s in .kitty/config.toml"
        message = f"{held}, and {why}: {remedy}"
        return _rejected(package, message, to_lane=to.value, guard="not_stale")
    at = life.stale_at.isoformat(timespec="microseconds")
    message = (
        f"{held}, whose claim will be stale at {at} without another sign of life"
        f" (stale_after_s = {life.stale_after_s} in .kitty/config.toml): wait, or {remedy}"
    )
    return _rejected(package, message, to_lane=to.value, guard="not_stale", stale_at=at)


def already_claimed(held: str, holder: str | None, actor: str) -> WorkPackageAlreadyClaimed:
    """Return the refusal of a package or review that another actor holds, as `held` says."""
    return WorkPackageAlreadyClaimed(
        f"{held}: take another package, or ask the holder to release it",
        claimed_by=holder,
        requesting_actor=actor,
    )


def _rejected(package: PackageState, message: str, **details: str) -> TransitionRejected:
    return TransitionRejected(message, from_lane=package.lane.value, **details)
