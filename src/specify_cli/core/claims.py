"""Claims on packages and reviews: when one is stale, what its release ends, and who asks too late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from specify_cli.core.lanes import Lane
from specify_cli.core.state import PackageState
from specify_cli.core.wishes import Wish
from specify_cli.errors import TransitionRejected, WorkPackageAlreadyClaimed

_NEW_CLAIMS: Final = frozenset(
    {
        (Lane.PLANNED, Lane.CLAIMED),
        (Lane.PLANNED, Lane.IN_PROGRESS),
        (Lane.FOR_REVIEW, Lane.IN_REVIEW),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Since when a package is in its lane, and the newest sign of life of its holder after that.

    Each is None where it is not known; a moment that is still to come is not known either. `seen_here`
    is the newest sign that is not from a line which another program wrote into the log.
    """

    since: datetime | None = None
    sign: datetime | None = None
    seen_here: datetime | None = None

    def stale_at(self, stale_after_s: int | None) -> datetime | None:
        """When the claim is stale by the operator's rule; None without a rule, or a moment to count from."""
        newest = self.sign or self.since
        if newest is None or stale_after_s is None:
            return None
        return newest + timedelta(seconds=stale_after_s)


def decide_release(
    package: PackageState,
    wp_id: str,
    *,
    life: Life,
    stale_after_s: int | None,
    now: datetime,
    force: bool,
) -> tuple[str, Lane]:
    """Whose claim is released, and the lane that the package goes to.

    Raises: TransitionRejected with the guard `not_held` or `not_stale`.
    """
    holder = package.holder
    to = Lane.FOR_REVIEW if package.lane is Lane.IN_REVIEW else Lane.PLANNED
    if holder is None:
        raise _rejected(package, _not_held(package, wp_id), to_lane=to.value, guard="not_held")
    stale_at = life.stale_at(stale_after_s)
    if force or (stale_at is not None and now >= stale_at):
        return holder, to
    remedy = f"a person releases it with 'spec-kitty release-claim {wp_id} --force --note WHY'"
    if stale_at is None:
        why = "its log does not say since when"
        if stale_after_s is None:
            why = "no claim is stale without stale_after_s in .kitty/config.toml"
        message = f"{wp_id} is held by {holder!r}, and {why}: {remedy}"
        raise _rejected(package, message, to_lane=to.value, guard="not_stale")
    at = stale_at.isoformat(timespec="microseconds")
    message = (
        f"{wp_id} is held by {holder!r}, whose claim will be stale at {at} without another sign of"
        f" life (stale_after_s = {stale_after_s} in .kitty/config.toml): wait, or {remedy}"
    )
    raise _rejected(package, message, to_lane=to.value, guard="not_stale", stale_at=at)


def check_alive(package: PackageState, wp_id: str, actor: str) -> None:
    """Passes where `actor` holds the package, or its review.

    Raises: WorkPackageAlreadyClaimed, TransitionRejected with the guard `not_held`.
    """
    holder = package.holder
    if holder is None:
        raise _rejected(
            package, _not_held(package, wp_id), to_lane=package.lane.value, guard="not_held"
        )
    if holder != actor:
        raise _held_by_another(f"{wp_id} is held by {holder!r}", holder, actor)


def check_not_released(package: PackageState, wish: Wish) -> None:
    """Passes unless the claim of the actor was released, and the request acts as if it still held.

    To claim the package, or its review, anew is nobody denied. Force does not matter.
    Raises: WorkPackageAlreadyClaimed where another one holds it now, else TransitionRejected with
    the guard `claim_released`.
    """
    if wish.actor not in package.released or package.holder == wish.actor:
        return
    if not wish.force and _claims_anew(package, wish):
        return
    told = f"the claim of {wish.actor!r} on {wish.wp_id} was released"
    holder = package.reviewer or package.claimed_by
    if holder is not None and holder != wish.actor:
        raise _held_by_another(f"{told}, and it is held by {holder!r} now", holder, wish.actor)
    message = f"{told}, and it is {package.lane} now: claim it again, or take another package"
    raise _rejected(package, message, to_lane=wish.to.value, guard="claim_released")


def _claims_anew(package: PackageState, wish: Wish) -> bool:
    resumes = (package.lane, wish.to) == (Lane.BLOCKED, Lane.IN_PROGRESS)
    is_free = package.claimed_by in (None, wish.actor)
    return (package.lane, wish.to) in _NEW_CLAIMS or (resumes and is_free)


def _not_held(package: PackageState, wp_id: str) -> str:
    return f"{wp_id} is {package.lane}, and nobody holds it: see 'spec-kitty status {wp_id}'"


def _held_by_another(what: str, holder: str, actor: str) -> WorkPackageAlreadyClaimed:
    return WorkPackageAlreadyClaimed(
        f"{what}: take another package, or ask the holder to give it up",
        claimed_by=holder,
        requesting_actor=actor,
    )


def _rejected(package: PackageState, message: str, **details: str) -> TransitionRejected:
    return TransitionRejected(message, from_lane=package.lane.value, **details)
