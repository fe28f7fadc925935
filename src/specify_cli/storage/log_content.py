"""The content of a mission's log, which can grow without a new fold."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple, TypeAlias, overload

from specify_cli.core.events import Event
from specify_cli.core.state import MissionState, replay

Cause: TypeAlias = tuple[str | None, str | None]
"""The correlation id of a request, and the identity that it belongs to."""


class LogContent(NamedTuple):
    """The content of a log.

    Attributes:
        events: Its events, oldest first.
        sound_lines: The number of lines that belong to complete appends.
        torn: The bytes after them.
        standing: How the file differs from the record, in words; empty if they agree.
        plan: The plan of execution lanes in the record; empty if there is none.
        folded: The same events, folded; None before that is done.
    """

    events: Sequence[Event] = ()
    sound_lines: int = 0
    torn: bytes = b""
    standing: str = ""
    plan: bytes = b""
    folded: FoldedLog | None = None

    @property
    def state(self) -> MissionState:
        """The mission's state after all events."""
        return replay(self.events) if self.folded is None else self.folded.state

    def caused_by(self, correlation_id: str, identity: str | None = None) -> Sequence[Event]:
        """Return the events that the request with that id and identity has appended."""
        if self.folded is not None:
            return self.folded.caused_by((correlation_id, identity))
        asked = (correlation_id, identity)
        return tuple(e for e in self.events if (e.correlation_id, e.identity) == asked)


class EarlierEvents(Sequence[Event]):
    """The first events of a log, read into memory on demand.

    `state` is the state after all of them, `held` the number in memory.
    """

    state: MissionState
    held: int

    @abstractmethod
    def caused_by(self, cause: Cause) -> Sequence[Event]:
        """Return the events of a request, oldest first."""


class FoldedLog:
    """The events of a log, folded, as of one moment.

    Logs that grow from each other share their events, so that the cost of an event does not depend
    on the number before it. Only the holder of the mission's lock may grow one.
    """

    __slots__ = ("_by_cause", "_count", "_earlier", "_shared", "state")

    def __init__(
        self,
        events: Sequence[Event] = (),
        *,
        earlier: EarlierEvents | None = None,
        shared: list[Event] | None = None,
        by_cause: dict[Cause, list[int]] | None = None,
        before: MissionState | None = None,
    ) -> None:
        self._earlier = earlier
        self._shared = [] if shared is None else shared
        self._by_cause = {} if by_cause is None else by_cause
        if before is None and earlier is not None:
            before = earlier.state
        self.state = replay(events, before)
        for event in events:
            cause = event.correlation_id, event.identity
            self._by_cause.setdefault(cause, []).append(len(self._shared))
            self._shared.append(event)
        self._count = len(self._shared)

    @property
    def size(self) -> int:
        """The number of events and packages in memory."""
        earlier = self._earlier.held if self._earlier is not None else 0
        return earlier + self._count + len(self.state.packages)

    @property
    def events(self) -> Sequence[Event]:
        """All events, oldest first; later growth does not change them."""
        return _First(() if self._earlier is None else self._earlier, self._shared, self._count)

    def grown(self, events: Sequence[Event]) -> FoldedLog:
        """Return the log with these events appended."""
        if len(self._shared) != self._count:
            # An earlier growth was not committed.
            own = self._shared[: self._count]
            return FoldedLog([*own, *events], earlier=self._earlier)
        return FoldedLog(
            events,
            earlier=self._earlier,
            shared=self._shared,
            by_cause=self._by_cause,
            before=self.state,
        )

    def caused_by(self, cause: Cause) -> Sequence[Event]:
        """Return the events of a request, oldest first."""
        places = self._by_cause.get(cause, ())
        own = [self._shared[it] for it in places if it < self._count]
        return (*(() if self._earlier is None else self._earlier.caused_by(cause)), *own)


class _First(Sequence[Event]):
    """Some events, and the first `count` of a list that grows."""

    __slots__ = ("_count", "_earlier", "_events")

    def __init__(self, earlier: Sequence[Event], events: list[Event], count: int) -> None:
        self._earlier, self._events, self._count = earlier, events, count

    def __len__(self) -> int:
        return len(self._earlier) + self._count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and [*self] == [*other]

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Event]:
        return chain(self._earlier, islice(self._events, self._count))

    def __reversed__(self) -> Iterator[Event]:
        own = map(self._events.__getitem__, range(self._count - 1, -1, -1))
        return chain(own, reversed(self._earlier))

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        if isinstance(index, slice):
            return tuple(self)[index]
        place = range(len(self))[index]
        before = len(self._earlier)
        return self._earlier[place] if place < before else self._events[place - before]


def folded(content: LogContent) -> LogContent:
    """Return the same content, folded."""
    whole = FoldedLog(content.events)
    return content._replace(events=whole.events, folded=whole)
