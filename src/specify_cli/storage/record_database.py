"""The database of the record: its connection, transactions and notes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from specify_cli.errors import StorageFailed
from specify_cli.storage import record_schema
from specify_cli.storage.record_entries import (
    OutcomeUnknown,
)

DATABASE: Final = "record.db"


class RecordDatabase:
    """One connection to the database in `folder`, for all threads of the process.

    Every method but `close` opens the connection on demand. A read raises `StateUnreadable` if the
    record is damaged or has a newer format, and `StorageFailed` if the disk fails. A write also
    raises `OutcomeUnknown` if a commit fails half-way.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / DATABASE
        self._using = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        with self._using:
            if self._connection is not None:
                # An acknowledged commit is on the disk already.
                with suppress(sqlite3.Error):
                    self._connection.close()
            self._connection = None

    @property
    def id(self) -> str:
        """The ULID that the record was given when it was made."""
        return str(self.remembered("record_id"))

    @property
    def seal_key(self) -> bytes:
        """The secret that seals the heads in commits."""
        return bytes(self.remembered("seal_key") or b"")

    def remember(self, name: str, value: str | bytes) -> None:
        """Store a note about the record."""
        if self.remembered(name) != value:
            with self.writing() as connection:
                connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def remembered(self, name: str) -> Any:
        """Return the note of that name; None if there is none."""
        with self._open() as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
            return None if row is None else row[0]

    def noted(self, name: str) -> int:
        """Return the numeric note of that name; 0 if there is none."""
        return int(self.remembered(name) or 0)

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Open a connection for a module that reads rows of its own."""
        return self._open()

    @contextmanager
    def at_one_moment(self) -> Iterator[sqlite3.Connection]:
        """Open a read transaction, or join that of this thread: all queries in it see the same snapshot.

        Nothing can be written until it ends.
        """
        with self._open() as connection:
            is_joined = connection.in_transaction
            if not is_joined:
                connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if not is_joined and connection.in_transaction:
                    connection.execute("COMMIT")

    @contextmanager
    def noting(self) -> Iterator[sqlite3.Connection]:
        """Begin a transaction that a power loss may undo.

        It waits for no sync where the journal mode allows that.
        """
        with self._open() as connection:
            self._require_no_transaction(connection)
            is_ahead = connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
            if is_ahead:
                connection.execute("PRAGMA synchronous = NORMAL")
            try:
                with self.writing() as writing:
                    yield writing
            finally:
                # A failure has closed the connection, and the next one starts
                # with the default.
                if is_ahead and self._connection is connection:
                    connection.execute("PRAGMA synchronous = EXTRA")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Begin a write transaction: commit it after the block, roll it back on an exception."""
        with self._open() as connection:
            self._require_no_transaction(connection)
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise
            try:
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                self.close()
                raise OutcomeUnknown(
                    f"the disk failed while {self.path} was written ({error}); the change may have been"
                    " committed: repeat the request with the same id"
                ) from error

    def _require_no_transaction(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            raise StorageFailed(f"{self.path} is being read at one moment; nothing was changed")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._using:
            try:
                yield self._connected()
            except sqlite3.Error as error:
                # Its state is unknown; a new connection reads what is on the
                # disk.
                self.close()
                raise record_schema.refusal(error, self.path) from error

    def _connected(self) -> sqlite3.Connection:
        """Return a connection to the file that has the name now: it may have been replaced."""
        identity = None
        with suppress(OSError):
            found = self.path.stat()
            identity = found.st_dev, found.st_ino
        if identity != self._identity:
            self.close()
        self._identity = identity
        if self._connection is None:
            self._connection = record_schema.connect(self.path)
        return self._connection
