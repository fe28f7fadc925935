"""What the entries of a mission come to, folded in the transaction that writes them.

No read needs the history then. What cannot be folded (a line that is damaged, part of an append) has no row,
and is read from the entries.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from specify_cli.core.events import Event, MissionAccepted
from specify_cli.core.state import MissionState, replay
from specify_cli.errors import StateUnreadable
from specify_cli.storage import event_lines, package_states, record_rows
from specify_cli.storage.kept_log import lines_in
from specify_cli.storage.log_content import Cause
from specify_cli.storage.record_entries import REDACTION, WITHDRAWN, Entry

_COLUMNS: Final = "position, since, lines, events, accepted_at, file"
_PATH: Final = Path("log")
_AT_ONCE: Final = 500


class FoldedRow(NamedTuple):
    """What a mission is folded to, beside the states of its packages.

    Attributes:
        position: That of its newest entry, which counts.
        since: That of the newest entry by which more changed than the end of the log; 0 without one.
        lines: How many lines its log has.
        events: How many events.
        accepted_at: When it was accepted last.
        file: What tells the file that has these lines from every other one; None where that is not known.
    """

    position: int = 0
    since: int = 0
    lines: int = 0
    events: int = 0
    accepted_at: str | None = None
    file: str | None = None


class Fold:
    """A mission's log, folded up to a place; `causes` has a name, a place and a position for each event of a request."""

    __slots__ = ("causes", "row", "state")

    def __init__(self, state: MissionState) -> None:
        self.row, self.state = FoldedRow(), state
        self.causes: list[tuple[int, int, int]] = []

    def grow(self, events: Sequence[Event], positions: Sequence[int]) -> None:
        """These events are behind the others; each has the position of its entry."""
        for place, (event, position) in enumerate(
            zip(events, positions, strict=True), start=self.state.length + 1
        ):
            if event.correlation_id is not None:
                self.causes.append((_name(event.correlation_id, event.identity), place, position))
        self.state = replay(events, self.state)

    def ended(self, *, position: int, lines: int, since: int) -> None:
        """The log has so many lines, up to that position."""
        self.row = FoldedRow(
            position=position,
            since=since,
            lines=lines,
            events=self.state.length,
            accepted_at=self.state.accepted_at,
        )


class StateFold:
    """What the entries of one transaction change in the states of missions; `write` it before the commit."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._missions: dict[int, tuple[FoldedRow | None, list[Entry]]] = {}

    def add(self, entry: Entry) -> None:
        """The entry is new."""
        if entry.mission is None:
            return
        if entry.mission not in self._missions:
            self._missions[entry.mission] = self._before(entry.mission, entry.position), []
        self._missions[entry.mission][1].append(entry)

    def write(self) -> None:
        """The states are those behind the entries."""
        for mission, (row, entries) in self._missions.items():
            if row is None:
                continue
            try:
                if _are_at_the_end(entries, row.lines):
                    fold = _grown(self._connection, mission, entries, row=row)
                else:
                    forget(self._connection, mission)
                    fold = folded(self._connection, mission)
            except (NotFolded, StateUnreadable):
                forget(self._connection, mission)
            else:
                keep(self._connection, mission, fold)

    def _before(self, mission: int, position: int) -> FoldedRow | None:
        """What it was folded to; None where it could not be."""
        row = row_of(self._connection, mission)
        query = "SELECT 1 FROM entry WHERE mission = ? AND position < ? LIMIT 1"
        if row or self._connection.execute(query, (mission, position)).fetchone():
            return row
        return FoldedRow()


def row_of(connection: sqlite3.Connection, mission: int) -> FoldedRow | None:
    """What the mission is folded to; None where it could not be."""
    query = f"SELECT {_COLUMNS} FROM folded WHERE mission = ?"  # noqa: S608
    found = connection.execute(query, (mission,)).fetchone()
    if found is None:
        return None
    row = FoldedRow(**dict(zip(_COLUMNS.split(", "), found, strict=True)))
    at = found[_COLUMNS.split(", ").index("accepted_at")]
    return row if at is None else row._replace(accepted_at=package_states.text_of(at))


def state_of(connection: sqlite3.Connection, mission: int, row: FoldedRow) -> MissionState:
    """The mission's state, to which that row belongs. Raises: ValueError where what is kept cannot be read."""
    query = "SELECT id, state FROM package WHERE mission = ? ORDER BY id"
    packages = package_states.decode(connection.execute(query, (mission,)))
    return MissionState(packages=packages, accepted_at=row.accepted_at, length=row.events)


def positions_of(
    connection: sqlite3.Connection, mission: int, cause: Cause, *, until: int
) -> list[int]:
    """The position of the entry of each event that the request has caused, up to that position, in the order of the log."""
    query = (
        "SELECT position FROM cause WHERE mission = ? AND name = ? AND position <= ? ORDER BY place"
    )
    return [it for (it,) in connection.execute(query, (mission, _name(*cause), until))]


def events_at(
    connection: sqlite3.Connection, positions: Iterable[int]
) -> dict[int, Sequence[Event]]:
    """The events of the entry at each of the positions."""
    query = f"SELECT {record_rows.READ} FROM {record_rows.FROM} WHERE position = ?"  # noqa: S608
    rows = (connection.execute(query, (it,)).fetchone() for it in positions)
    entries = (record_rows.entry_in(it) for it in rows)
    return {it.position: _read(_numbered([it]))[0] for it in entries}


def folded(connection: sqlite3.Connection, mission: int) -> Fold:
    """The mission's log, folded from the start.

    Raises:
        StateUnreadable: it has a line that cannot be read.
        NotFolded: it has part of an append.
    """
    try:
        return _folded_in_order(connection, mission)
    except _NotInOrder:
        return _folded_at_once(connection, mission)


def keep(connection: sqlite3.Connection, mission: int, fold: Fold) -> None:
    """The transaction has what the log is folded to."""
    row, at = fold.row, fold.row.accepted_at
    values = (mission, row.position, row.since, row.lines, row.events)
    connection.execute(
        "INSERT OR REPLACE INTO folded VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*values, None if at is None else package_states.bytes_of(at), row.file),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO package VALUES (?, ?, ?)",
        (
            (mission, package_states.bytes_of(wp_id), package_states.encode(state))
            for wp_id, state in fold.state.packages.items()
        ),
    )
    connection.executemany(
        "INSERT INTO cause VALUES (?, ?, ?, ?)", ((mission, *it) for it in fold.causes)
    )


def forget(connection: sqlite3.Connection, mission: int) -> None:
    """The transaction has nothing of what the mission was folded to."""
    for table in ("folded", "package", "cause"):
        connection.execute(f"DELETE FROM {table} WHERE mission = ?", (mission,))  # noqa: S608


def keep_file(connection: sqlite3.Connection, mission: int, *, position: int, file: str) -> None:
    """The file that `file` tells of has the lines up to that position."""
    order = "UPDATE folded SET file = ? WHERE mission = ? AND position = ?"
    connection.execute(order, (file, mission, position))


def difference(connection: sqlite3.Connection, mission: int) -> str:
    """How what is kept of the mission differs from its entries, in words; empty where it does not."""
    row = row_of(connection, mission)
    try:
        fold = folded(connection, mission)
    except (NotFolded, StateUnreadable):
        return "states of packages are kept, and its log cannot be folded" if row else ""
    if row is None:
        return "no states of packages are kept" if fold.row.position else ""
    if row._replace(file=None, since=0) != fold.row._replace(since=0):
        return "what is kept beside the states of packages is not what its log comes to"
    try:
        kept = state_of(connection, mission, row).packages
    except (ValueError, TypeError):
        return "the states of packages that are kept cannot be read"
    said = fold.state.packages
    wrong = sorted(it for it in {*kept, *said} if kept.get(it) != said.get(it))
    if wrong:
        return (
            f"the state that is kept of {wrong[0]} is not what its log comes to ({len(wrong)} such)"
        )
    query = "SELECT name, place, position FROM cause WHERE mission = ? ORDER BY name, place"
    is_same = connection.execute(query, (mission,)).fetchall() == sorted(fold.causes)
    return "" if is_same else "what is kept of the requests that caused its events is wrong"


class NotFolded(Exception):
    """What the entries have cannot be folded entry by entry."""


class _NotInOrder(Exception):
    """An entry is about more than the end of the log."""


def _grown(
    connection: sqlite3.Connection, mission: int, entries: Sequence[Entry], *, row: FoldedRow
) -> Fold:
    """What is new of the mission, with the states of the packages that change."""
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


def _folded_in_order(connection: sqlite3.Connection, mission: int) -> Fold:
    """The same where each entry is about the end of the log; takes no memory for its lines."""
    fold, lines, position = Fold(MissionState()), 0, 0
    for entries in _entries(connection, mission):
        if not _are_at_the_end(entries, lines):
            raise _NotInOrder
        fold.grow(*_read(_numbered(entries)))
        lines += sum(len(lines_in(it)) for it in entries)
        position = entries[-1].position
    fold.ended(position=position, lines=lines, since=0)
    return fold


def _folded_at_once(connection: sqlite3.Connection, mission: int) -> Fold:
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
    # Of an entry all events stand, or none: by that its events are found again.
    if any(whole[it] != number for it, number in Counter(positions).items()):
        raise NotFolded
    fold = Fold(MissionState())
    fold.grow(events, positions)
    fold.ended(position=position, lines=len(lines), since=position)
    return fold


def _read(lines: Iterable[tuple[int, bytes]]) -> tuple[Sequence[Event], Sequence[int]]:
    """The events of the lines, and the position that each came with."""
    positions: list[int] = []
    content = event_lines.parse_lines(lines, _PATH, numbers=positions)
    if content.torn:
        raise NotFolded
    return content.events, positions


def _numbered(entries: Iterable[Entry]) -> Iterator[tuple[int, bytes]]:
    return ((it.position, line) for it in entries for line in lines_in(it))


def _are_at_the_end(entries: Iterable[Entry], lines: int) -> bool:
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


def _name(correlation_id: str | None, identity: str | None) -> int:
    """A number by which the events of a request are found."""
    text = json.dumps([correlation_id, identity]).encode("ascii")
    return int.from_bytes(sha256(text).digest()[:8], "big", signed=True)
