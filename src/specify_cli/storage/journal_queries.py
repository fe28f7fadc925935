"""Queries of the journal's index: filtered lines, and lines by id.

Each takes a connection that `JournalIndex.read` opened.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from specify_cli.storage.journal_rows import COLUMNS, IndexedLine, indexed_text

AT_ONCE: Final = 1_000
_EQUAL: Final = (
    "orchestrator",
    "actor",
    "command",
    "mission",
    "wp",
    "code",
)
_LAST_CHARACTER: Final = "~"
"""It follows every character that an id may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFilter:
    """What the lines have in common; None for anything.

    Attributes:
        mission: The mission's folder.
        failed: Only refused requests.
        since: The earliest time, in microseconds since the epoch.
        until: The latest time, in microseconds since the epoch.
    """

    orchestrator: str | None = None
    actor: str | None = None
    command: str | None = None
    mission: str | None = None
    wp: str | None = None
    code: str | None = None
    failed: bool = False
    since: int | None = None
    until: int | None = None


def newest(connection: sqlite3.Connection) -> int:
    """Return the `seq` of the newest line; 0 if there is none."""
    return connection.execute("SELECT max(seq) FROM line").fetchone()[0] or 0


def last(connection: sqlite3.Connection, wanted: LineFilter, count: int) -> list[IndexedLine]:
    """Return the last `count` lines that the filter selects, oldest first."""
    query, values = statement(connection, wanted, descending=True)
    rows = connection.execute(query, (*values, count)).fetchall()
    return [IndexedLine._make(row) for row in reversed(rows)]


def following(
    connection: sqlite3.Connection, wanted: LineFilter, *, after: int, count: int = AT_ONCE
) -> list[IndexedLine]:
    """Return the first `count` lines after the one with that `seq` that the filter selects."""
    query, values = statement(connection, wanted, after=after)
    rows = connection.execute(query, (*values, count)).fetchall()
    return [IndexedLine._make(row) for row in rows]


def statement(
    connection: sqlite3.Connection,
    wanted: LineFilter,
    *,
    after: int = 0,
    descending: bool = False,
) -> tuple[str, list[object]]:
    """Return the query for the filter, and its values but the greatest number of lines.

    Times become a range of `seq`: with the index of any other column, the lines are then in order.
    """
    first, end = range_of(connection, wanted)
    where, values = ["seq BETWEEN ? AND ?"], [max(first, after + 1), end]
    conditions: list[object] = [*values]
    for name in _EQUAL:
        value = getattr(wanted, name)
        if value is not None:
            where.append(f"{name} = ?")
            conditions.append(indexed_text(value))
    if wanted.failed:
        where.append("code IS NOT NULL")
    for operator, bound in ((">=", wanted.since), ("<=", wanted.until)):
        if bound is not None:
            # The plus keeps this condition from choosing an index.
            where.append(f"+at {operator} ?")
            conditions.append(bound)
    order = "DESC" if descending else "ASC"
    query = f"SELECT {COLUMNS} FROM line WHERE {' AND '.join(where)} ORDER BY seq {order} LIMIT ?"  # noqa: S608
    return query, conditions


def range_of(connection: sqlite3.Connection, wanted: LineFilter) -> tuple[int, int]:
    """Return the first and last `seq` of the time of the filter; the first is greater if there is none."""
    first, end = 1, newest(connection)
    if wanted.since is not None:
        query = "SELECT min(seq) FROM line INDEXED BY line_by_at WHERE at >= ?"
        first = connection.execute(query, (wanted.since,)).fetchone()[0] or end + 1
    if wanted.until is not None:
        query = "SELECT max(seq) FROM line INDEXED BY line_by_at WHERE at <= ?"
        end = connection.execute(query, (wanted.until,)).fetchone()[0] or 0
    return first, end


def with_id(connection: sqlite3.Connection, prefix: str, count: int) -> list[IndexedLine]:
    """Return the first `count` lines whose id starts with the prefix, by id and `seq`."""
    query = f"SELECT {COLUMNS} FROM line WHERE id BETWEEN ? AND ? ORDER BY id, seq LIMIT ?"  # noqa: S608
    first = indexed_text(prefix) or ""
    rows = connection.execute(query, (first, first + _LAST_CHARACTER, count))
    return [IndexedLine._make(row) for row in rows.fetchall()]


def with_event(connection: sqlite3.Connection, prefix: str, count: int) -> list[IndexedLine]:
    """Return the first `count` lines that caused an event whose id starts with the prefix."""
    query = (
        f"SELECT {COLUMNS} FROM line WHERE seq IN"  # noqa: S608
        " (SELECT seq FROM caused WHERE event BETWEEN ? AND ? LIMIT ?) ORDER BY seq"
    )
    first = indexed_text(prefix) or ""
    rows = connection.execute(query, (first, first + _LAST_CHARACTER, count))
    return [IndexedLine._make(row) for row in rows.fetchall()]


def with_seq(connection: sqlite3.Connection, seq: int) -> list[IndexedLine]:
    """Return the line with that number, if there is one."""
    query = f"SELECT {COLUMNS} FROM line WHERE seq = ?"  # noqa: S608
    return [IndexedLine._make(row) for row in connection.execute(query, (seq,)).fetchall()]
