"""Compare events of logs with events in the journal on disk, with bounded memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Final, Self

from specify_cli.errors import StorageFailed

_TABLES: Final = (
    "CREATE TABLE logged (event BLOB PRIMARY KEY, slug BLOB, request BLOB, identity BLOB) WITHOUT ROWID",
    "CREATE TABLE journaled (event BLOB PRIMARY KEY, seq INTEGER) WITHOUT ROWID",
)


class EventPairs:
    """A temporary database, removed when it is closed. Its methods raise StorageFailed."""

    def __init__(self) -> None:
        try:
            # An empty name: a temporary file of SQLite.
            self._connection = sqlite3.connect("")
            for order in _TABLES:
                self._connection.execute(order)
        except sqlite3.Error as error:
            raise _refused(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with closing(self._connection):
            pass

    def add_logged(self, rows: Iterable[tuple[str, str, str, str]]) -> None:
        """Add events of logs: id, mission, request and identity."""
        self._add("INSERT OR REPLACE INTO logged VALUES (?, ?, ?, ?)", rows)

    def add_journaled(self, rows: Iterable[tuple[str, int]]) -> None:
        """Add events of the journal: id and line."""
        self._add("INSERT OR REPLACE INTO journaled VALUES (?, ?)", rows)

    def lost(self) -> Iterator[tuple[str, int]]:
        """Yield the ids of events that no log has, with their lines."""
        query = "SELECT event, seq FROM journaled WHERE event NOT IN (SELECT event FROM logged) ORDER BY seq"
        for event, seq in self._rows(query):
            yield _text(event), int(seq)

    def strange(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield the events that no line names, as they were added."""
        query = "SELECT * FROM logged WHERE event NOT IN (SELECT event FROM journaled) ORDER BY slug, event"
        for row in self._rows(query):
            event, slug, request, identity = map(_text, row)
            yield event, slug, request, identity

    def _add(self, order: str, rows: Iterable[tuple[str | int, ...]]) -> None:
        try:
            self._connection.executemany(order, (tuple(map(_value, row)) for row in rows))
        except sqlite3.Error as error:
            raise _refused(error) from error

    def _rows(self, query: str) -> Iterator[tuple[bytes, ...]]:
        try:
            yield from self._connection.execute(query)
        except sqlite3.Error as error:
            raise _refused(error) from error


def _value(value: str | int) -> bytes | int:
    # A JSON string may contain a lone surrogate.
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _refused(error: sqlite3.Error) -> StorageFailed:
    return StorageFailed(
        f"SQLite cannot compare events in a temporary file ({error}): free disk space, or set SQLITE_TMPDIR to a"
        " folder with free space"
    )
