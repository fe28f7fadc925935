"""The states of missions, folded in the transaction that writes their entries.

No read replays the history. A log that cannot be folded (a damaged line, an incomplete append) has
no row, and is read from its entries.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from specify_cli.core.events import Event
from specify_cli.core.state import MissionState
from specify_cli.errors import StateUnreadable
from specify_cli.storage import package_states, record_rows
from specify_cli.storage.log_content import Cause
from specify_cli.storage.record_entries import Entry
from specify_cli.storage.record_folds import (
    Fold,
    FoldedRow,
    NotFolded,
    are_at_the_end,
    events_in,
    folded,
    grown,
    request_name,
)

_COLUMNS: Final = "position, since, lines, events, accepted_at, file"


class StateFold:
    """The changes of one transaction to the states of missions; call `write` before the commit."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._missions: dict[int, tuple[FoldedRow | None, list[Entry]]] = {}

    def add(self, entry: Entry) -> None:
        """Add a new entry."""
        if entry.mission is None:
            return
        if entry.mission not in self._missions:
            self._missions[entry.mission] = self._before(entry.mission, entry.position), []
        self._missions[entry.mission][1].append(entry)

    def write(self) -> None:
        """Store the states after the added entries."""
        for mission, (row, entries) in self._missions.items():
            if row is None:
                continue
            try:
                if are_at_the_end(entries, row.lines):
                    fold = grown(self._connection, mission, entries, row=row)
                else:
                    forget(self._connection, mission)
                    fold = folded(self._connection, mission, Fold)
            except (NotFolded, StateUnreadable):
                forget(self._connection, mission)
            else:
                keep(self._connection, mission, fold)

    def _before(self, mission: int, position: int) -> FoldedRow | None:
        """Return the state before the transaction; None if there was none that could be folded."""
        row = row_of(self._connection, mission)
        query = "SELECT 1 FROM entry WHERE mission = ? AND position < ? LIMIT 1"
        if row or self._connection.execute(query, (mission, position)).fetchone():
            return row
        return FoldedRow()


def row_of(connection: sqlite3.Connection, mission: int) -> FoldedRow | None:
    """Return the folded row of the mission; None if its log could not be folded."""
    query = f"SELECT {_COLUMNS} FROM folded WHERE mission = ?"  # noqa: S608
    found = connection.execute(query, (mission,)).fetchone()
    if found is None:
        return None
    row = FoldedRow(**dict(zip(_COLUMNS.split(", "), found, strict=True)))
    at = found[_COLUMNS.split(", ").index("accepted_at")]
    return row if at is None else row._replace(accepted_at=package_states.text_of(at))


def state_of(connection: sqlite3.Connection, mission: int, row: FoldedRow) -> MissionState:
    """Return the mission's state that belongs to the row.

    Raises:
        ValueError: the stored state cannot be read.
    """
    query = "SELECT id, state FROM package WHERE mission = ? ORDER BY id"
    packages = package_states.decode(connection.execute(query, (mission,)))
    return MissionState(packages=packages, accepted_at=row.accepted_at, length=row.events)


def positions_of(
    connection: sqlite3.Connection, mission: int, cause: Cause, *, until: int
) -> list[int]:
    """Return the positions of the entries of the request's events, in log order, up to `until`."""
    query = (
        "SELECT position FROM cause WHERE mission = ? AND name = ? AND position <= ? ORDER BY place"
    )
    return [it for (it,) in connection.execute(query, (mission, request_name(*cause), until))]


def events_at(
    connection: sqlite3.Connection, positions: Iterable[int]
) -> dict[int, Sequence[Event]]:
    """Return the events of the entry at each position."""
    query = f"SELECT {record_rows.READ} FROM {record_rows.FROM} WHERE position = ?"  # noqa: S608
    rows = (connection.execute(query, (it,)).fetchone() for it in positions)
    entries = (record_rows.entry_in(it) for it in rows)
    return {it.position: events_in(it) for it in entries}


def keep(connection: sqlite3.Connection, mission: int, fold: Fold) -> None:
    """Store the folded log in the transaction."""
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
    """Delete the folded log in the transaction."""
    for table in ("folded", "package", "cause"):
        connection.execute(f"DELETE FROM {table} WHERE mission = ?", (mission,))  # noqa: S608


def keep_file(connection: sqlite3.Connection, mission: int, *, position: int, file: str) -> None:
    """Note that the file with the stamp `file` has the lines up to that position."""
    order = "UPDATE folded SET file = ? WHERE mission = ? AND position = ?"
    connection.execute(order, (file, mission, position))


def difference(connection: sqlite3.Connection, mission: int) -> str:
    """Describe how the stored states of the mission differ from its entries; empty if they agree."""
    row = row_of(connection, mission)
    try:
        fold = folded(connection, mission, partial(_ComparedFold, connection, mission))
    except (NotFolded, StateUnreadable):
        return "states of packages are stored, but its log cannot be folded" if row else ""
    if row is None:
        return "no states of packages are stored" if fold.row.position else ""
    if row._replace(file=None, since=0) != fold.row._replace(since=0):
        return "the stored summary of its log does not match its log"
    try:
        kept = state_of(connection, mission, row).packages
    except (ValueError, TypeError):
        return "the stored states of packages cannot be read"
    said = fold.state.packages
    wrong = sorted(it for it in {*kept, *said} if kept.get(it) != said.get(it))
    if wrong:
        return f"the stored state of {wrong[0]} does not match its log (packages that differ: {len(wrong)})"
    return (
        ""
        if fold.has_same_causes()
        else "the stored index of the requests that caused its events does not match its log"
    )


class _ComparedFold(Fold):
    """Compares each cause with the stored one and keeps none: a log may have a million."""

    def __init__(self, connection: sqlite3.Connection, mission: int, state: MissionState) -> None:
        super().__init__(state)
        self._connection, self._mission = connection, mission
        self._count, self._is_same = 0, True

    def note(self, name: int, place: int, position: int) -> None:
        query = "SELECT position FROM cause WHERE mission = ? AND name = ? AND place = ?"
        found = self._connection.execute(query, (self._mission, name, place)).fetchone()
        self._count += 1
        self._is_same = self._is_same and found == (position,)

    def has_same_causes(self) -> bool:
        query = "SELECT count(*) FROM cause WHERE mission = ?"
        stored: int = self._connection.execute(query, (self._mission,)).fetchone()[0]
        return self._is_same and stored == self._count
