"""Counts and durations of the requests of some time, from the journal's index.

Each query reads an index that has all that it needs, but for refused requests, never the lines.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from specify_cli.storage.journal_queries import LineFilter, range_of

PERCENTILES: Final = (50, 95, 99)

COUNTED: Final = (
    "SELECT {0}, count(*) FROM line INDEXED BY line_by_{0} WHERE seq BETWEEN ? AND ? GROUP BY {0}"
)
REFUSED: Final = (
    "SELECT {0}, count(*) FROM line INDEXED BY line_failed"
    " WHERE code IS NOT NULL AND seq BETWEEN ? AND ? GROUP BY {0}"
)
TIMED: Final = (
    "FROM line INDEXED BY line_by_duration"
    " WHERE command IS ? AND took_us IS NOT NULL AND seq BETWEEN ? AND ?"
)
PERIOD: Final = (
    "SELECT count(*), count(code), total(at + took_us - received), max(at + took_us - received)"
    " FROM line INDEXED BY line_by_at WHERE at >= ? AND at < ?"
)

LENGTHS_S: Final = (
    *(1, 5, 10, 30, 60, 300, 900, 3_600, 4 * 3_600, 12 * 3_600),
    *(it * 86_400 for it in (1, 7, 28, 91, 364)),
)
"""The lengths of periods."""

_Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many requests a command or an orchestrator has; `name` is None if the lines have none."""

    name: str | None
    requests: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """The durations of a command in microseconds: the `PERCENTILES`, and the longest."""

    percentiles: tuple[int, ...]
    longest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The requests whose answer began in a period; times are in microseconds.

    Attributes:
        start: The start of the period, since the epoch.
        depth: How many requests had been received and not answered, on average.
        longest: The longest time from receiving a request to deciding its answer.
    """

    start: int
    requests: int
    refused: int
    depth: float
    longest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The requests of some time; `durations` has an item for each of `commands`, or None."""

    first: int | None
    last: int | None
    commands: list[Count]
    durations: list[Durations | None]
    codes: list[tuple[str, int]]
    orchestrators: list[Count]
    periods: list[Period]

    @property
    def requests(self) -> int:
        """The number of requests."""
        return sum(it.requests for it in self.commands)

    @property
    def refused(self) -> int:
        """The number of refused requests."""
        return sum(it.refused for it in self.commands)


def stats(connection: sqlite3.Connection, wanted: LineFilter, *, most_periods: int) -> Stats:
    """Return counts and durations between `since` and `until` of the filter."""
    span = range_of(connection, wanted)
    commands = _counts(connection, "command", span)
    first, last = _times(connection, wanted)
    return Stats(
        first=first,
        last=last,
        commands=commands,
        durations=[_durations(connection, it.name, span) for it in commands],
        codes=_by_number(connection.execute(REFUSED.format("code"), span)),
        orchestrators=_counts(connection, "orchestrator", span),
        periods=_periods(connection, first, last, most=most_periods),
    )


def _times(connection: sqlite3.Connection, wanted: LineFilter) -> tuple[int | None, int | None]:
    """Return the times of the earliest and the latest line."""
    bounds = (wanted.since or 0, 2**62 if wanted.until is None else wanted.until)
    query = "SELECT {}(at) FROM line INDEXED BY line_by_at WHERE at BETWEEN ? AND ?"
    first, last = (connection.execute(query.format(it), bounds).fetchone() for it in ("min", "max"))
    return first[0], last[0]


def _counts(connection: sqlite3.Connection, column: str, span: _Span) -> list[Count]:
    refused = dict(connection.execute(REFUSED.format(column), span).fetchall())
    found = _by_number(connection.execute(COUNTED.format(column), span))
    return [
        Count(name=name, requests=number, refused=refused.get(name, 0)) for name, number in found
    ]


def _by_number(rows: sqlite3.Cursor) -> list[tuple[str, int]]:
    return sorted(rows.fetchall(), key=lambda it: (-it[1], it[0] or ""))


def _durations(
    connection: sqlite3.Connection, command: str | None, span: _Span
) -> Durations | None:
    values = (command, *span)
    count = connection.execute(f"SELECT count(*) {TIMED}", values).fetchone()[0]
    if not count:
        return None
    query = f"SELECT took_us {TIMED} ORDER BY took_us LIMIT 1 OFFSET ?"
    # The nearest-rank method.
    ranks = [-(-count * percent // 100) - 1 for percent in (*PERCENTILES, 100)]
    *found, longest = (connection.execute(query, (*values, it)).fetchone()[0] for it in ranks)
    return Durations(percentiles=tuple(found), longest=longest)


def _periods(
    connection: sqlite3.Connection, first: int | None, last: int | None, *, most: int
) -> list[Period]:
    """Return periods of equal length, the first of `LENGTHS_S` with which there are not too many."""
    if first is None or last is None:
        return []
    lengths = (it * 1_000_000 for it in LENGTHS_S)
    fitting = (it for it in lengths if last // it - first // it < most)
    length = next(fitting, last - first + 1)
    found = []
    for start in range(first - first % length, last + 1, length):
        # Nothing outside the time that was asked for counts.
        span = (max(start, first), min(start + length, last + 1))
        requests, refused, total, longest = connection.execute(PERIOD, span).fetchone()
        found.append(
            Period(
                start=start,
                requests=requests,
                refused=refused,
                depth=total / (span[1] - span[0]),
                longest=longest or 0,
            )
        )
    return found
