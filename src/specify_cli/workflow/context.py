"""The request on whose behalf a use case runs, and its effects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, Self

from specify_cli.core.events import Event, JsonObject
from specify_cli.errors import CorrelationIdConflict

if TYPE_CHECKING:
    from specify_cli.storage.intents import Rows
    from specify_cli.storage.record_entries import Draft
    from specify_cli.storage.recorded_log import PreparedLines


class Effects:
    """The events and commits of one request: collected while it runs, written to the journal."""

    __slots__ = ("commits", "event_ids")

    def __init__(self) -> None:
        self.event_ids: list[str] = []
        self.commits: list[str] = []

    def note(self, events: Iterable[Event]) -> None:
        """Add the events to the effects."""
        self.event_ids.extend(event.event_id for event in events)

    def forget(self, events: Iterable[Event]) -> None:
        """Remove the events, which were undone, from the effects."""
        gone = {event.event_id for event in events}
        self.event_ids[:] = [event_id for event_id in self.event_ids if event_id not in gone]


class Decision:
    """The events that a request decided, until they are committed together with its answer.

    The context manager holds the locks under which they were decided. The rows of `settles` remove the
    intent from the record, in the transaction that has the answer.
    """

    __slots__ = ("_locks", "_prepared", "events", "settles")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.settles: Rows | None = None
        self._prepared: list[PreparedLines] = []
        self._locks = ExitStack()

    def add(self, events: Sequence[Event], prepared: PreparedLines) -> None:
        """Add decided events."""
        self.events.extend(events)
        self._prepared.append(prepared)

    def keep(self, locks: ExitStack) -> None:
        """Hold these locks until the end."""
        self._locks.push(locks)

    @property
    def drafts(self) -> list[Draft]:
        """The entries to commit with the answer."""
        return [draft for it in self._prepared for draft in it.drafts]

    def stand(self) -> None:
        """Count the events as decided, before the commit, for requests that are decided after this one."""
        for it in self._prepared:
            it.stand()

    def drop(self) -> None:
        """Discard the decision."""
        self.events.clear()
        self._prepared.clear()
        self.settles = None

    def follow(self) -> None:
        """Write the committed lines to the logs' files."""
        for it in self._prepared:
            it.follow()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._locks.close()


class RequestContext(NamedTuple):
    """The request on whose behalf a use case runs.

    `identity` is the orchestrator that the id belongs to; None for ids that the command line and the mailbox
    share. With a `decision`, events are committed together with the answer; otherwise at once. `call` returns
    the arguments to send the request again. `covers_mission` returns whether the caller may see the mission in
    the folder of that name.
    """

    correlation_id: str
    request_digest: str
    effects: Effects
    identity: str | None = None
    policy: JsonObject | None = None
    decision: Decision | None = None
    call: Callable[[], JsonObject] = dict
    covers_mission: Callable[[str], bool] = lambda _: True

    def undo(self) -> None:
        """Discard events that are decided but not committed."""
        if self.decision is not None:
            self.effects.forget(self.decision.events)
            self.decision.drop()

    def claim(self, recorded: Sequence[Event]) -> Sequence[Event]:
        """Count events that this request appended before an interruption as its effects, and return them.

        Raises:
            CorrelationIdConflict: they are of another request with the same id.
        """
        for event in recorded:
            if event.request_digest != self.request_digest:
                raise conflict(self.correlation_id)
        self.effects.note(recorded)
        return recorded


def conflict(correlation_id: str) -> CorrelationIdConflict:
    """Return the error for an id that another request has used."""
    return CorrelationIdConflict(
        f"correlation id {correlation_id} belongs to another request: send this one with a new id"
    )
