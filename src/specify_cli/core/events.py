"""The events of a mission's log.

`correlation_id` and `identity` name the request that caused an event. Correlation ids are separate for each
orchestrator; `identity` is None for the root inbox and the command line, which share their ids.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeAlias

from specify_cli.core.lanes import Lane

UNRECORDED: Final = ""
"""The value of `commit` in events from before commits were recorded."""

JsonObject: TypeAlias = dict[str, Any]
"""A parsed JSON object."""


class Transitioned(NamedTuple):
    """A work package went from one status lane to another.

    `commit` is the commit that was submitted or approved; None if there is none.
    `released_holder` is the actor whose claim, or review, the transition released, else None.
    """

    event_id: str
    at: str
    actor: str
    wp_id: str
    from_lane: Lane
    to_lane: Lane
    force: bool = False
    reason: str | None = None
    review_ref: str | None = None
    review_result: JsonObject | None = None
    evidence: JsonObject | None = None
    policy_metadata: JsonObject | None = None
    correlation_id: str | None = None
    identity: str | None = None
    request_digest: str | None = None
    lane_base_ref: str | None = None
    commit: str | None = UNRECORDED
    released_holder: str | None = None


class Annotated(NamedTuple):
    """An annotation of a work package.

    `delta` is a note, ticked subtasks, or the commit of a package that was approved before commits were recorded.
    """

    event_id: str
    at: str
    actor: str
    wp_id: str
    delta: JsonObject
    policy_metadata: JsonObject | None = None
    correlation_id: str | None = None
    identity: str | None = None
    request_digest: str | None = None


class MissionAccepted(NamedTuple):
    """The mission was accepted."""

    event_id: str
    at: str
    actor: str
    policy_metadata: JsonObject | None = None
    correlation_id: str | None = None
    identity: str | None = None
    request_digest: str | None = None


Event: TypeAlias = Transitioned | Annotated | MissionAccepted


def note_of(event: Event) -> str | None:
    """Return the note of the event, or the reason of the transition; None without one."""
    if isinstance(event, MissionAccepted):
        return None
    said = event.reason if isinstance(event, Transitioned) else event.delta.get("note")
    return said if isinstance(said, str) and said.strip() else None


def moment_of(text: object) -> datetime | None:
    """Parse a time stamp of a log line or note; None if it cannot be parsed."""
    try:
        found = datetime.fromisoformat(text if isinstance(text, str) else "")
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
