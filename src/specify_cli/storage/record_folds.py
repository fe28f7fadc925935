"""Fold the entries of a mission into the states of its packages."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from specify_cli.core.events import Event, MissionAccepted
from specify_cli.core.state import MissionState, replay
from specify_cli.storage import event_lines, package_states, record_rows
from specify_cli.storage.record_entries import REDACTION, WITHDRAWN, Entry
from specify_cli.storage.record_lines import lines_in

_PATH: Final = Path("log")


_AT_ONCE: Final = 500


class FoldedRow(NamedTuple):
    """The summary of a folded log, without the states of packages.

    Attributes:
        position: The position of its newest entry.
        since: The position of the newest entry that changed more than the end of the log; 0 if
            none.
        lines: The number of its lines.
        events: The number of its events.
        accepted_at: When the mission was last accepted.
        file: The stamp of the file that has these lines; None if unknown.
    """

    position: int = 0
    since: int = 0
    lines: int = 0
    events: int = 0
    accepted_at: str | None = None
    file: str | None = None


class NotFolded(Exception):
    """The entries cannot be folded one after the other."""


class _NotInOrder(Exception):
    """An entry changes more than the end of the log."""


class Fold:
    """A mission's log, folded up to a position.

    `causes` has the name of the request, the place and the position of each event that a request
    caused.
    """

    __slots__ = ("causes", "row", "state")

    def __init__(self, state: MissionState) -> None:
        self.row, self.state = FoldedRow(), state
        self.causes: list[tuple[int, int, int]] = []

    def grow(self, events: Sequence[Event], positions: Sequence[int]) -> None:
        """Fold more events; each has the position of its entry."""
        for place, (event, position) in enumerate(
            zip(events, positions, strict=True), start=self.state.length + 1
        ):
            if event.correlation_id is not None:
                self.note(request_name(event.correlation_id, event.identity), place, position)
        self.state = replay(events, self.state)

    def note(self, name: int, place: int, position: int) -> None:
        """Keep the name of the request, the place and the position of an event that a request caused."""
        self.causes.append((name, place, position))

    def ended(self, *, position: int, lines: int, since: int) -> None:
        """Set the number of lines and the position of the folded log."""
        self.row = FoldedRow(
            position=position,
            since=since,
            lines=lines,
            events=self.state.length,
            accepted_at=self.state.accepted_at,
        )


AnyFold = TypeVar("AnyFold", bound=Fold)


def folded(
    connection: sqlite3.Connection, mission: int, begin: Callable[[MissionState], AnyFold]
) -> AnyFold:
    """Fold the mission's log from the start, into what `begin` makes.

    Raises:
        StateUnreadable: a line cannot be read.
        NotFolded: the log has an incomplete append.
    """
    try:
        return _folded_in_order(connection, mission, begin(MissionState()))
    except _NotInOrder:
        return _folded_at_once(connection, mission, begin(MissionState()))


def grown(
    connection: sqlite3.Connection, mission: int, entries: Sequence[Entry], *, row: FoldedRow
) -> Fold:
    """Fold new entries at the end of the log, with the states of the packages that they change."""
    events, positions = _read(_numbered(entries))
    ids = {it.wp_id for it in events if not isinstance(it, MissionAccepted)}
    query = "SELECT id, state FROM package WHERE mission = ? AND id = ?"
    rows = (
        connection.execute(query, (mission, package_states.bytes_of(it))).fetchone() for it in ids
    )
    try:
        packages = package_states.decode(it for it in rows if it)
    except (ValueError, TypeError) as error:
        raise NotFolded from error
    state = MissionState(packages=packages, accepted_at=row.accepted_at, length=row.events)
    fold = Fold(state)
    fold.grow(events, positions)
    lines = row.lines + sum(len(lines_in(it)) for it in entries)
    fold.ended(position=entries[-1].position, lines=lines, since=row.since)
    return fold


def _folded_in_order(connection: sqlite3.Connection, mission: int, fold: AnyFold) -> AnyFold:
    """Fold a log whose entries all append; takes no memory for its lines."""
    lines, position = 0, 0
    for entries in _entries(connection, mission):
        if not are_at_the_end(entries, lines):
            raise _NotInOrder
        fold.grow(*_read(_numbered(entries)))
        lines += sum(len(lines_in(it)) for it in entries)
        position = entries[-1].position
    fold.ended(position=position, lines=lines, since=0)
    return fold


def _folded_at_once(connection: sqlite3.Connection, mission: int, fold: AnyFold) -> AnyFold:
    lines: list[tuple[int, bytes]] = []
    position, whole = 0, Counter[int]()
    for entry in (it for entries in _entries(connection, mission) for it in entries):
        place = len(lines) if entry.place is None else entry.place
        if entry.kind == WITHDRAWN:
            del lines[place:]
        else:
            lines[place:place] = new = [*_numbered([entry])]
            whole[entry.position] = len(_read(new)[0])
        position = entry.position
    events, positions = _read(lines)
    # All events of an entry count, or none: they are found by its position.
    if any(whole[it] != number for it, number in Counter(positions).items()):
        raise NotFolded
    fold.grow(events, positions)
    fold.ended(position=position, lines=len(lines), since=position)
    return fold


def _read(lines: Iterable[tuple[int, bytes]]) -> tuple[Sequence[Event], Sequence[int]]:
    """Return the events of the lines, and the position of each event's entry."""
    positions: list[int] = []
    content = event_lines.parse_lines(lines, _PATH, numbers=positions)
    if content.torn:
        raise NotFolded
    return content.events, positions


def events_in(entry: Entry) -> Sequence[Event]:
    """Return the events of one entry."""
    return _read(_numbered([entry]))[0]


def _numbered(entries: Iterable[Entry]) -> Iterator[tuple[int, bytes]]:
    return ((it.position, line) for it in entries for line in lines_in(it))


def are_at_the_end(entries: Iterable[Entry], lines: int) -> bool:
    """Whether the entries only append to a log of that many lines."""
    for entry in entries:
        if entry.kind in (REDACTION, WITHDRAWN) or entry.place not in (None, lines):
            return False
        lines += len(lines_in(entry))
    return True


def _entries(connection: sqlite3.Connection, mission: int) -> Iterator[list[Entry]]:
    query = (
        f"SELECT {record_rows.READ} FROM {record_rows.FROM}"  # noqa: S608
        " WHERE position > ? AND mission = ?"
        f" ORDER BY position LIMIT {_AT_ONCE}"
    )
    after = 0
    while rows := connection.execute(query, (after, mission)).fetchall():
        entries = [record_rows.entry_in(it) for it in rows]
        yield entries
        after = entries[-1].position


def request_name(correlation_id: str | None, identity: str | None) -> int:
    """Return a number under which the events of a request are indexed."""
    text = json.dumps([correlation_id, identity]).encode("ascii")
    return int.from_bytes(sha256(text).digest()[:8], "big", signed=True)
