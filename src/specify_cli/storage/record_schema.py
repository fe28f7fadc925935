"""The format of the record: its tables, and the settings of a connection.

Source: `.github/decisions/0001-one-record.md`.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from specify_cli import ids
from specify_cli.errors import SpecKittyError, StateUnreadable, StorageFailed
from specify_cli.files import durability, locks
from specify_cli.files.atomic import translated

FORMAT: Final = 1
"""The database's `user_version`."""

JOURNAL_MODE: Final = "WAL"
"""SQLite stays in rollback mode if the file system does not support this one."""

BUSY_S: Final = 30.0
"""Seconds that a commit waits for another writer."""

_KEY_BYTES: Final = 32

_TABLES: Final = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    """CREATE TABLE mission (
        number INTEGER PRIMARY KEY, id TEXT, folder TEXT NOT NULL, branch TEXT, plan BLOB)""",
    "CREATE INDEX mission_by_id ON mission (id)",
    "CREATE INDEX mission_by_folder ON mission (folder)",
    "CREATE TABLE content (number INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, data BLOB NOT NULL)",
    """CREATE TABLE entry (
        position INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL,
        mission INTEGER REFERENCES mission, place INTEGER, seq INTEGER UNIQUE, published BLOB,
        log BLOB NOT NULL,
        salt BLOB NOT NULL, head BLOB NOT NULL,
        content INTEGER REFERENCES content, content_at INTEGER,
        answer INTEGER REFERENCES content)""",
    "CREATE INDEX entry_of_mission ON entry (mission, position) WHERE mission IS NOT NULL",
    "CREATE INDEX entry_of_content ON entry (content) WHERE content IS NOT NULL",
    "CREATE INDEX entry_of_answer ON entry (answer) WHERE answer IS NOT NULL",
    "CREATE INDEX entry_of_redaction ON entry (position) WHERE kind = 'redaction'",
    """CREATE TABLE request (
        scope TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL,
        position INTEGER NOT NULL REFERENCES entry, PRIMARY KEY (scope, id, digest)) WITHOUT ROWID""",
    """CREATE TABLE intent (
        scope TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL, kind TEXT NOT NULL,
        mission INTEGER REFERENCES mission, at TEXT NOT NULL, what TEXT NOT NULL, call TEXT NOT NULL,
        machine TEXT NOT NULL, inode INTEGER NOT NULL, PRIMARY KEY (scope, id, digest)) WITHOUT ROWID""",
    # The next three tables: see `record_states`.
    """CREATE TABLE package (
        mission INTEGER NOT NULL REFERENCES mission, id BLOB NOT NULL, state BLOB NOT NULL,
        PRIMARY KEY (mission, id)) WITHOUT ROWID""",
    """CREATE TABLE folded (
        mission INTEGER PRIMARY KEY REFERENCES mission, position INTEGER NOT NULL,
        since INTEGER NOT NULL, lines INTEGER NOT NULL, events INTEGER NOT NULL, accepted_at BLOB,
        file TEXT)""",
    """CREATE TABLE cause (
        mission INTEGER NOT NULL REFERENCES mission, name INTEGER NOT NULL,
        place INTEGER NOT NULL, position INTEGER NOT NULL REFERENCES entry,
        PRIMARY KEY (mission, name, place)) WITHOUT ROWID""",
    "CREATE TABLE prompts (folder TEXT PRIMARY KEY, seen BLOB NOT NULL, packages TEXT NOT NULL)",
)


def expected_schema() -> set[tuple[str, str, str, str | None]]:
    """Return type, name, table and text of everything in the schema of a record."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for table in _TABLES:
            connection.execute(table)
        query = "SELECT type, name, tbl_name, sql FROM sqlite_master"
        return set(connection.execute(query).fetchall())


def way_out(database: Path) -> str:
    """Return the advice for a damaged record."""
    files, folder = f"{shlex.quote(str(database))}*", shlex.quote(str(database.parent / "damaged"))
    return (
        f"stop the worker, move the record and the files beside it away ('mkdir -p {folder}; mv {files} {folder}'), and put a"
        " backup in its place; without a backup the host makes a new record from logs and journal"
    )


def refusal(error: sqlite3.Error, database: Path) -> SpecKittyError:
    """Return the error for a failure of SQLite."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StateUnreadable(f"{database} is damaged ({error}): {way_out(database)}")
    why = str(error) if os.path.lexists(database) else "it does not exist"
    with contextlib.suppress(OSError):
        # SQLite reports an input/output error where its shared memory has no space.
        if os.statvfs(database.parent).f_bavail == 0:
            why = f"the disk is full ({error})"
    return StorageFailed(f"{database} cannot be used: {why}; nothing was changed")


def connect(database: Path) -> sqlite3.Connection:
    """Open an existing record; a commit on the connection is durable.

    Raises:
        StateUnreadable: another program, or a newer version of this one, wrote the file.
        sqlite3.Error: it is missing or damaged, or the disk fails.
    """
    connection = _connection(database)
    try:
        _require_known(database, connection.execute("PRAGMA user_version").fetchone()[0])
    except BaseException:
        connection.close()
        raise
    return connection


def make(database: Path) -> None:
    """Make the record without entries, unless it exists; its folder exists.

    It is renamed to its name when it is complete: SQLite lets only one process at a time set the
    journal mode, and refuses others at once.

    Raises:
        StorageFailed: the disk fails.
    """
    if database.exists():
        return
    with _making(database):
        _make(database, _begin)


def copy(former: Path, database: Path) -> None:
    """Replace `database` with a copy of the record `former`, if that exists.

    No other process may use either.

    Raises:
        StorageFailed: the disk fails.
        StateUnreadable: the record is damaged or has a newer format.
    """
    with _making(database):
        if not former.exists():
            return
        for left in database.parent.glob(f"{database.name}*"):
            left.unlink()
        with contextlib.closing(connect(former)) as source:
            _make(database, source.backup)


@contextlib.contextmanager
def _making(database: Path) -> Iterator[None]:
    # Not `*.lock`: people remove lock files of git.
    with locks.held(database.with_name("lock")), translated(database, "make"):
        try:
            yield
        except sqlite3.Error as error:
            raise StorageFailed(
                f"could not make {database}: {error}; nothing was changed"
            ) from error


def _make(database: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    if not database.exists():
        # A killed process has left them.
        for left in database.parent.glob(f".{database.name}.*"):
            left.unlink()
        private = database.parent / f".{database.name}.{os.urandom(8).hex()}"
        make_file(private)
        with contextlib.closing(_connection(private)) as connection:
            fill(connection)
            # Empty the write-ahead log: only this file is renamed.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if os.path.lexists(f"{private}-wal"):
            raise sqlite3.OperationalError("its write-ahead log could not be emptied")
        # SQLite does not report a failed removal of this file.
        Path(f"{private}-shm").unlink(missing_ok=True)
        # From a removed record: SQLite would use them for the new one.
        for left in database.parent.glob(f"{database.name}-*"):
            left.unlink()
        # After a power loss, nothing that was removed is beside a record, where nobody looks for it.
        durability.sync_folder(database.parent)
        private.rename(database)
        durability.sync_folder(database.parent)


def _begin(connection: sqlite3.Connection) -> None:
    """Create an empty record."""
    # First, so that pruning can shrink the file.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute(f"PRAGMA journal_mode = {JOURNAL_MODE}")
    connection.execute("BEGIN")
    for table in _TABLES:
        connection.execute(table)
    connection.execute("INSERT INTO meta VALUES ('record_id', ?)", (ids.ulid(),))
    connection.execute("INSERT INTO meta VALUES ('seal_key', ?)", (os.urandom(_KEY_BYTES),))
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")


def make_file(private: Path) -> None:
    """Create the file for those who may use its folder; SQLite gives the files beside it the same mode
    and owner.
    """
    folder = private.parent.stat()
    with private.open("xb") as file:
        if os.geteuid() == 0:
            os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
        os.fchmod(file.fileno(), folder.st_mode & 0o666)


def _connection(database: Path) -> sqlite3.Connection:
    # Only a URI can open a file without creating it.
    connection = sqlite3.connect(
        f"{database.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=BUSY_S,
        check_same_thread=False,
    )
    try:
        # FULL may lose the last commit in rollback mode: it does not sync the folder.
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        # Redacted text and settled intents leave nothing in the file.
        connection.execute("PRAGMA secure_delete = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _require_known(database: Path, found: int) -> None:
    if found == FORMAT:
        return
    if not found:
        raise StateUnreadable(f"{database} is not a record: {way_out(database)}")
    raise StateUnreadable(
        f"{database} has format {found}, and this spec-kitty reads only format {FORMAT}: run the version"
        " that wrote it, or a newer one; nothing was changed"
    )
