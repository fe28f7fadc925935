"""The state of work packages, computed from the event log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from specify_cli.core.events import (
    UNRECORDED,
    Annotated,
    Event,
    MissionAccepted,
    Transitioned,
    moment_of,
)
from specify_cli.core.lanes import AT_WORK, FINISHED, HANDED_IN, HELD, OCCUPYING, Lane
from specify_cli.core.reviews import MOST_TEXT, Feedback, feedback_in, implementers_after


class PackageState(NamedTuple):
    """The state of one work package.

    `commit` was submitted or approved last: None if that was without a commit, UNRECORDED if there was no
    such transition or it was not recorded. `feedback` is that of the newest review that sent the package
    back, and `sent_back` the commit of that review, until the package is approved. `released` are
    the actors whose claim, or review, another actor released and who did not claim it again. `contested` is the status
    lane from which a transition claimed to start, although the package was not in it; a forced
    transition resolves that. `worked` is the position in the log, from 1, of the last transition
    into work; 0 if there was none. `blocked_from` is the status lane from which a blocked package was blocked,
    and `blocked_note` the start of the note of that transition, else of the first note after it.

    Of the holder's annotations since the last transition, `noted_at` is the newest time, and `asked_at` the
    newest time of those that the host made for a request. `is_dated` is False if a time cannot be read.
    """

    lane: Lane = Lane.PLANNED
    since: str | None = None
    last_actor: str | None = None
    claimed_by: str | None = None
    reviewer: str | None = None
    base_ref: str | None = None
    commit: str | None = UNRECORDED
    canceled_with_note: bool = False
    feedback: Feedback | None = None
    sent_back: str | None = None
    implementers: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    subtask_marks: Mapping[str, str] = MappingProxyType({})
    contested: Lane | None = None
    worked: int = 0
    blocked_from: Lane | None = None
    blocked_note: str | None = None
    noted_at: str | None = None
    asked_at: str | None = None
    is_dated: bool = True

    @property
    def is_satisfied(self) -> bool:
        """Whether packages that depend on this one may start."""
        if self.contested is not None:
            return False
        if self.lane is Lane.CANCELED:
            return self.canceled_with_note
        return self.lane in FINISHED

    @property
    def holder(self) -> str | None:
        """The actor who holds the package, or its review; None if nobody does."""
        if self.lane not in HELD:
            return None
        return self.reviewer if self.lane is Lane.IN_REVIEW else self.claimed_by

    @property
    def occupies(self) -> bool:
        """Whether the package occupies its execution lane."""
        return self.lane in OCCUPYING


PLANNED = PackageState()
"""The state of a package without events."""


class MissionState(NamedTuple):
    """The state of a mission; `length` is the number of its events."""

    packages: Mapping[str, PackageState] = MappingProxyType({})
    accepted_at: str | None = None
    length: int = 0

    def of(self, wp_id: str) -> PackageState:
        """Return the state of `wp_id`; planned if it has no events."""
        return self.packages.get(wp_id, PLANNED)


def apply(package: PackageState, event: Transitioned | Annotated, position: int) -> PackageState:
    """Return the state after `event`, which is at that position in the log."""
    if isinstance(event, Transitioned):
        return _moved(package, event, position)
    if event.actor == package.holder:
        package = _noted(package, event)
    marks = event.delta.get("subtasks")
    note = event.delta.get("note")
    if package.lane is Lane.CANCELED and _has_text(note):
        package = package._replace(canceled_with_note=True)
    if package.lane is Lane.BLOCKED and package.blocked_note is None and _has_text(note):
        package = package._replace(blocked_note=str(note).strip()[:MOST_TEXT])
    if isinstance(marks, dict):
        package = package._replace(subtask_marks={**package.subtask_marks, **marks})
    commit = event.delta.get("commit")
    if isinstance(commit, str):
        # Written by the host itself, so it does not change `last_actor`.
        return package._replace(commit=commit)
    return package._replace(last_actor=event.actor)


def replay(events: Iterable[Event], before: MissionState | None = None) -> MissionState:
    """Apply `events`, oldest first, to the state `before`."""
    packages = {**before.packages} if before else {}
    accepted_at = before.accepted_at if before else None
    length = before.length if before else 0
    for event in events:
        length += 1
        if isinstance(event, MissionAccepted):
            accepted_at = event.at
        else:
            packages[event.wp_id] = apply(packages.get(event.wp_id, PLANNED), event, length)
    return MissionState(packages=packages, accepted_at=accepted_at, length=length)


def _noted(package: PackageState, event: Annotated) -> PackageState:
    """Record a sign of life of the holder."""
    if moment_of(event.at) is None:
        return package._replace(is_dated=False)
    asked_at = _newer(package.asked_at, event.at) if event.request_digest else package.asked_at
    return package._replace(noted_at=_newer(package.noted_at, event.at), asked_at=asked_at)


def _newer(known: str | None, other: str) -> str:
    before, after = moment_of(known), moment_of(other)
    return known if known and before and after and before >= after else other


def _moved(package: PackageState, event: Transitioned, position: int) -> PackageState:
    lane = event.to_lane
    has_holder = package.claimed_by is not None
    feedback = feedback_in(event, implementers=package.implementers)
    # Each field by name: with `_replace`, which looks them up, a long log takes twice as long.
    return PackageState(
        lane=lane,
        since=event.at or None,
        last_actor=event.actor,
        claimed_by=_holder(package, event),
        reviewer=event.actor if lane is Lane.IN_REVIEW else None,
        base_ref=event.lane_base_ref or package.base_ref,
        commit=event.commit if lane in HANDED_IN else package.commit,
        canceled_with_note=lane is Lane.CANCELED and _has_text(event.reason),
        feedback=None if lane in FINISHED else feedback or package.feedback,
        sent_back=None if lane in FINISHED else package.commit if feedback else package.sent_back,
        implementers=implementers_after(package.implementers, event, has_holder=has_holder),
        released=_released(package, event),
        subtask_marks=package.subtask_marks,
        contested=_contested(package, event),
        worked=position if lane in AT_WORK else package.worked,
        blocked_from=_blocked_from(package) if lane is Lane.BLOCKED else None,
        blocked_note=_blocked_note(event),
    )


def _has_text(note: object) -> bool:
    return isinstance(note, str) and bool(note.strip())


def _blocked_from(package: PackageState) -> Lane | None:
    """Return the status lane before the package was blocked, also if it is blocked once more."""
    return package.blocked_from if package.lane is Lane.BLOCKED else package.lane


def _blocked_note(event: Transitioned) -> str | None:
    if event.to_lane is not Lane.BLOCKED or not _has_text(event.reason):
        return None
    return str(event.reason).strip()[:MOST_TEXT]


def _contested(package: PackageState, event: Transitioned) -> Lane | None:
    """Detect transitions of two hosts that did not see each other."""
    if event.force:
        return None
    return event.from_lane if event.from_lane is not package.lane else package.contested


def _released(package: PackageState, event: Transitioned) -> frozenset[str]:
    """Return the actors whose claim another actor released, and who did not claim the package again."""
    if event.released_holder not in (None, event.actor):
        return package.released | {event.released_holder}
    resumes = event.to_lane is Lane.IN_PROGRESS and package.claimed_by is None
    claims = event.to_lane in (Lane.CLAIMED, Lane.IN_REVIEW) or resumes
    return package.released - {event.actor} if claims else package.released


def _holder(package: PackageState, event: Transitioned) -> str | None:
    """Return the implementer, who keeps the package until it is planned again."""
    if event.to_lane is Lane.PLANNED:
        return None
    if event.to_lane is Lane.CLAIMED:
        return event.actor
    if event.to_lane is Lane.IN_PROGRESS and package.claimed_by is None:
        return event.actor
    return package.claimed_by
