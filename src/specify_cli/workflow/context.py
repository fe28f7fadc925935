"""Why something is done: the request behind it, and what it has brought about."""

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
    """What one request has brought about: filled while it is carried out, read by the journal."""

    __slots__ = ("commits", "event_ids")

    def __init__(self) -> None:
        self.event_ids: list[str] = []
        self.commits: list[str] = []

    def note(self, events: Iterable[Event]) -> None:
        """`events` are counted among the effects."""
        self.event_ids.extend(event.event_id for event in events)

    def forget(self, events: Iterable[Event]) -> None:
        """`events`, which were taken back, are no effects."""
        gone = {event.event_id for event in events}
        self.event_ids[:] = [event_id for event_id in self.event_ids if event_id not in gone]


class Decision:
    """What a request has decided on missions, until it is committed together with its answer.

    The locks that it was decided under are held until this is left. `settles` takes its intent out of the record, in the
    transaction that has the answer.
    """

    __slots__ = ("_locks", "_prepared", "events", "settles")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.settles: Rows | None = None
        self._prepared: list[PreparedLines] = []
        self._locks = ExitStack()

    def add(self, events: Sequence[Event], prepared: PreparedLines) -> None:
        """The events are decided."""
        self.events.extend(events)
        self._prepared.append(prepared)

    def keep(self, locks: ExitStack) -> None:
        """These locks are held until the end."""
        self._locks.push(locks)

    @property
    def drafts(self) -> list[Draft]:
        """What to commit with the answer."""
        return [draft for it in self._prepared for draft in it.drafts]

    def stand(self) -> None:
        """It is decided, and will be committed with others that are decided after it."""
        for it in self._prepared:
            it.stand()

    def drop(self) -> None:
        """Nothing is decided any more."""
        self.events.clear()
        self._prepared.clear()
        self.settles = None

    def follow(self) -> None:
        """It was committed: the files of the logs have it, too."""
        for it in self._prepared:
            it.follow()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._locks.close()


class RequestContext(NamedTuple):
    """The request on whose behalf a use case runs.

    `identity` is the orchestrator whose own the id is; None for the ids that both doors share. Where there is a
    `decision`, what is decided is committed with the answer, and else at once. `call` tells how it is asked again.
    """

    correlation_id: str
    request_digest: str
    effects: Effects
    identity: str | None = None
    policy: JsonObject | None = None
    decision: Decision | None = None
    call: Callable[[], JsonObject] = dict

    def undo(self) -> None:
        """What was decided and is not committed does not count."""
        if self.decision is not None:
            self.effects.forget(self.decision.events)
            self.decision.drop()

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
