"""The file of the journal's index: its tables, what is written to them, and how it is removed."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from specify_cli.storage import published_line
from specify_cli.storage.journal_rows import COLUMNS, IndexedLine, row_of
from specify_cli.storage.layout import Layout

FORMAT: Final = 1
"""The database's `user_version`: an index with another one starts over."""

IN_MEMORY: Final = ":memory:"

_NAME: Final = "journal-index.db"
_BUSY_S: Final = 5.0
_CACHE_KIB: Final = 64 * 1024
_TRY_AGAIN_S: Final = 0.02

_TABLES: Final = (
    "CREATE TABLE mark (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    """CREATE TABLE line (
        seq INTEGER PRIMARY KEY, position INTEGER NOT NULL, at INTEGER, took_us INTEGER,
        received INTEGER,
        id TEXT NOT NULL, orchestrator TEXT, identity TEXT, actor TEXT, command TEXT, mission TEXT,
        wp TEXT, from_lane TEXT, to_lane TEXT, code TEXT, dead_letter TEXT)""",
    "CREATE TABLE caused (event TEXT, seq INTEGER, PRIMARY KEY (event, seq)) WITHOUT ROWID",
    "CREATE INDEX line_by_at ON line (at, took_us, received, code)",
    "CREATE INDEX line_by_id ON line (id)",
    "CREATE INDEX line_by_orchestrator ON line (orchestrator)",
    "CREATE INDEX line_by_actor ON line (actor)",
    "CREATE INDEX line_by_command ON line (command)",
    "CREATE INDEX line_by_duration ON line (command, took_us)",
    "CREATE INDEX line_by_mission ON line (mission)",
    "CREATE INDEX line_by_package ON line (mission, wp)",
    "CREATE INDEX line_by_wp ON line (wp)",
    "CREATE INDEX line_by_code ON line (code) WHERE code IS NOT NULL",
    "CREATE INDEX line_failed ON line (seq) WHERE code IS NOT NULL",
)

# One statement: another process may make the tables at the same time.
_HAS_OTHER_TABLES: Final = (
    "SELECT EXISTS (SELECT * FROM sqlite_master)"
    " AND (SELECT user_version FROM pragma_user_version) != ?"
)

_INSERT: Final = (
    f"INSERT OR REPLACE INTO line ({COLUMNS}) VALUES ({', '.join('?' * len(IndexedLine._fields))})"  # noqa: S608
)


class NumberedLine(NamedTuple):
    """A published line and its place in the record; 0 and empty if it is from a file."""

    position: int
    seq: int
    line: bytes
    head: bytes


class Mark(NamedTuple):
    """The newest indexed line, and the record that it is from; without a record, `record` is empty."""

    record: str = ""
    seq: int = 0
    position: int = 0
    link: str = ""
    head: bytes = b""
    redactions: int = 0


def path_of(project: Layout) -> Path:
    """Return the path of the project's index."""
    return project.cache / _NAME


def remove(project: Layout) -> None:
    """Remove the index, if there is one: the next reader makes it again.

    Raises:
        OSError: the disk fails.
    """
    path = path_of(project)
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(f"{path.name}{ending}").unlink(missing_ok=True)


def connect(path: Path | str) -> sqlite3.Connection:
    """Open the file, or `IN_MEMORY`; make its tables if it is empty.

    Raises:
        sqlite3.Error: it is damaged, has tables in another format, or cannot be written.
    """
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=_BUSY_S, check_same_thread=False
    )
    try:
        # A power loss may undo commits; it damages nothing.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = {-_CACHE_KIB}")
        if not _is_known(connection):
            _require_empty(connection)
            _use_write_ahead_log(connection)
            _make_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Begin a write transaction: commit it after the block, roll it back on an exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def mark_of(connection: sqlite3.Connection) -> Mark:
    """Return the mark of the index.

    Raises:
        sqlite3.Error: it is damaged.
    """
    initial = Mark()._asdict()
    found = dict(connection.execute("SELECT name, value FROM mark").fetchall())
    mark = {**initial, **found}
    if [*map(type, mark.values())] != [*map(type, initial.values())]:
        raise sqlite3.DatabaseError("the mark of the index is damaged")
    return Mark(**mark)


def add(
    connection: sqlite3.Connection,
    lines: Sequence[NumberedLine],
    *,
    mark: Mark,
    names: Mapping[str, str],
) -> Mark:
    """Add the lines, at least one, and return the new mark; another process may have added them already."""
    last = lines[-1]
    link = published_line.link(bytes(last.line))
    mark = mark._replace(seq=last.seq, position=last.position, link=link, head=last.head)
    with writing(connection):
        insert(connection, lines, names=names)
        note(connection, mark)
    return mark


def insert(
    connection: sqlite3.Connection, lines: Sequence[NumberedLine], *, names: Mapping[str, str]
) -> None:
    """Add the lines within a transaction; `names` has the folder of a mission by its names."""
    rows: list[IndexedLine] = []
    events: list[tuple[str, int]] = []
    for it in lines:
        # A damaged line of a file has no row.
        with contextlib.suppress(ValueError, RecursionError):
            said = published_line.parse(bytes(it.line))
            row, caused = row_of(said, position=it.position, missions=names)
            rows.append(row)
            events += [(event, it.seq) for event in caused]
    connection.executemany(_INSERT, rows)
    connection.executemany("INSERT OR REPLACE INTO caused VALUES (?, ?)", events)


def note(connection: sqlite3.Connection, mark: Mark) -> None:
    """Store the mark within a transaction."""
    notes: dict[str, Any] = mark._asdict()
    connection.executemany("INSERT OR REPLACE INTO mark VALUES (?, ?)", notes.items())


def _is_known(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA user_version").fetchone()[0] == FORMAT)


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError:
            # Another process does the same: SQLite does not wait for it.
            if time.monotonic() > until:
                raise
            time.sleep(_TRY_AGAIN_S)
        else:
            return


def _require_empty(connection: sqlite3.Connection) -> None:
    """Raise `sqlite3.DatabaseError` if there are tables: they may be those of another program."""
    if connection.execute(_HAS_OTHER_TABLES, (FORMAT,)).fetchone()[0]:
        raise sqlite3.DatabaseError("this is not an index of this version")


def _make_tables(connection: sqlite3.Connection) -> None:
    with writing(connection):
        if _is_known(connection):
            return
        for table in _TABLES:
            connection.execute(table)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
