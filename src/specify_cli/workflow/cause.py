"""Why something is done: the request behind it, and what it has brought about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from specify_cli.core.events import Event, JsonObject
from specify_cli.errors import CorrelationIdConflict


@dataclass(frozen=True, slots=True)
class Effects:
    """What one request has brought about: filled while it is carried out, read by the journal."""

    event_ids: list[str] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)

    def note(self, events: Iterable[Event]) -> None:
        """`events` are counted among the effects."""
        self.event_ids.extend(event.event_id for event in events)

    def forget(self, events: Iterable[Event]) -> None:
        """`events`, which were taken back, are no effects."""
        gone = {event.event_id for event in events}
        self.event_ids[:] = [event_id for event_id in self.event_ids if event_id not in gone]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The request on whose behalf a use case runs.

    `identity` is the orchestrator whose own the id is; None for the ids that both doors share.
    """

    correlation_id: str
    identity: str | None = None
    request_digest: str
    policy: JsonObject | None = None
    effects: Effects = field(default_factory=Effects)

    def claim(self, recorded: Sequence[Event]) -> Sequence[Event]:
        """The events that this request appended before it was interrupted, counted as its effects.

        Raises: CorrelationIdConflict when another request under the same id did.
        """
        for event in recorded:
            if event.request_digest != self.request_digest:
                raise conflict(self.correlation_id)
        self.effects.note(recorded)
        return recorded


def conflict(correlation_id: str) -> CorrelationIdConflict:
    """The refusal for an id that another request has used."""
    return CorrelationIdConflict(
        f"correlation id {correlation_id} belongs to another request: send this one under a new id"
    )
