"""The form of the record: its tables, and how a connection to it is set up.

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
"""Where the file system cannot carry it, SQLite stays in rollback mode by itself."""

BUSY_S: Final = 30.0
"""How long a commit waits for another process that writes."""

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
        content INTEGER REFERENCES content, content_at INTEGER)""",
    "CREATE INDEX entry_of_mission ON entry (mission, position) WHERE mission IS NOT NULL",
    "CREATE INDEX entry_of_content ON entry (content) WHERE content IS NOT NULL",
    "CREATE INDEX entry_of_redaction ON entry (position) WHERE kind = 'redaction'",
    """CREATE TABLE request (
        scope TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL,
        position INTEGER NOT NULL REFERENCES entry, PRIMARY KEY (scope, id, digest)) WITHOUT ROWID""",
    """CREATE TABLE intent (
        scope TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL, kind TEXT NOT NULL,
        mission INTEGER REFERENCES mission, at TEXT NOT NULL, what TEXT NOT NULL, call TEXT NOT NULL,
        machine TEXT NOT NULL, inode INTEGER NOT NULL, PRIMARY KEY (scope, id, digest)) WITHOUT ROWID""",
    # Of the next three: `record_states`.
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


def way_out(database: Path) -> str:
    """What a person does about a record that is damaged."""
    files, folder = f"{shlex.quote(str(database))}*", shlex.quote(str(database.parent / "damaged"))
    return (
        f"stop the worker, move it away with what is beside it ('mkdir -p {folder}; mv {files} {folder}'), and put a backup in its"
        " place; without one the host begins a new record with what logs and journal say"
    )


def refusal(error: sqlite3.Error, database: Path) -> SpecKittyError:
    """What a caller is told of an error of SQLite."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StateUnreadable(f"{database} is damaged ({error}): {way_out(database)}")
    why = str(error) if os.path.lexists(database) else "it is not there"
    return StorageFailed(f"{database} cannot be used: {why}; nothing was changed")


def connect(database: Path) -> sqlite3.Connection:
    """A connection by which what is committed is on the disk, to a record that is there.

    Raises:
        StateUnreadable: another program, or a newer version of this one, wrote the file.
        sqlite3.Error: it is missing or damaged, or the disk refused.
    """
    connection = _connection(database)
    try:
        _require_known(database, _format(connection))
    except BaseException:
        connection.close()
        raise
    return connection


def make(database: Path) -> None:
    """The record is there: where it was not, with no entry yet. Its folder is there already.

    It gets its name when it is whole: SQLite itself lets only one process at a time choose the journal
    mode, and refuses others at once.

    Raises:
        StorageFailed: the disk refused.
    """
    if database.exists():
        return
    with _making(database):
        _make(database, _begin)


def copy(former: Path, database: Path) -> None:
    """What is committed to the record `former` is at `database`, whatever was there; none where that is missing.

    Nobody else may use either.

    Raises:
        StorageFailed: the disk refused.
        StateUnreadable: it is damaged, or of a newer version.
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
    # Not `*.lock`: people remove what git leaves under such names.
    with locks.held(database.with_name("lock")), translated(database, "make"):
        try:
            yield
        except sqlite3.Error as error:
            raise StorageFailed(
                f"could not make {database}: {error}; nothing was changed"
            ) from error


def _make(database: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    if not database.exists():
        # Whoever held the lock and was killed left them.
        for left in database.parent.glob(f".{database.name}.*"):
            left.unlink()
        private = database.parent / f".{database.name}.{os.urandom(8).hex()}"
        _make_file(private)
        with contextlib.closing(_connection(private)) as connection:
            fill(connection)
            # All of it is in the one file that is renamed.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if os.path.lexists(f"{private}-wal"):
            raise sqlite3.OperationalError("its write-ahead log could not be emptied")
        # SQLite says nothing where the disk keeps it from removing this one.
        Path(f"{private}-shm").unlink(missing_ok=True)
        # Of a record that somebody removed: SQLite would take them for those of the new one.
        for left in database.parent.glob(f"{database.name}-*"):
            left.unlink()
        private.rename(database)
        durability.sync_folder(database.parent)


def _begin(connection: sqlite3.Connection) -> None:
    """An empty record."""
    # Before all else, so that what is pruned makes the file smaller.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute(f"PRAGMA journal_mode = {JOURNAL_MODE}")
    connection.execute("BEGIN")
    for table in _TABLES:
        connection.execute(table)
    connection.execute("INSERT INTO meta VALUES ('record_id', ?)", (ids.ulid(),))
    connection.execute("INSERT INTO meta VALUES ('seal_key', ?)", (os.urandom(_KEY_BYTES),))
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")


def _make_file(private: Path) -> None:
    """It is there, for whom its folder is; SQLite gives the files beside it the same mode and owner."""
    folder = private.parent.stat()
    with private.open("xb") as file:
        if os.geteuid() == 0:
            os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
        os.fchmod(file.fileno(), folder.st_mode & 0o666)


def _connection(database: Path) -> sqlite3.Connection:
    # Only a URI can say that the file is not to be made.
    connection = sqlite3.connect(
        f"{database.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=BUSY_S,
        check_same_thread=False,
    )
    try:
        # FULL loses the last commit of rollback mode with the power: it does not sync the folder.
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        # What is redacted, or an intent that is settled, leaves nothing in the file.
        connection.execute("PRAGMA secure_delete = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _format(connection: sqlite3.Connection) -> int:
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    return int(found)


def _require_known(database: Path, found: int) -> None:
    if found == FORMAT:
        return
    if not found:
        raise StateUnreadable(f"{database} is not a record: {way_out(database)}")
    raise StateUnreadable(
        f"{database} has format {found}, and this spec-kitty knows {FORMAT} alone: run the version"
        " that wrote it, or a newer one; nothing was changed"
    )
