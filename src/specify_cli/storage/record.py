"""The one durable record of a project: requests, their events, answers, and states of packages.

Who decides hands all that one decision says to `Record.commit`, as a `Draft`. Drafts that are committed
together are on the disk together, or none of them is.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from specify_cli import ids
from specify_cli.errors import StateUnreadable
from specify_cli.storage import published_line, record_rows, record_schema
from specify_cli.storage.kept_log import KeptLog
from specify_cli.storage.log_memory import LogMemory
from specify_cli.storage.record_entries import (
    Draft,
    Entry,
    KnownMission,
    OutcomeUnknown,
)
from specify_cli.storage.record_proof import NOTHING_BEFORE

DATABASE: Final = "record.db"

if TYPE_CHECKING:
    from specify_cli.storage.record_redaction import Redaction


class Record:
    """The record in `folder`, made before; one object a process, for all its threads.

    `path` is the file of its database, `memory` what was read of logs.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / DATABASE
        self._using = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._logs: dict[int, KeptLog] = {}
        self.memory = LogMemory()

    @classmethod
    def make(cls, folder: Path) -> Record:
        """The record in the folder, which is there; a new one where there was none.

        Raises:
            StorageFailed: the disk refused.
        """
        record_schema.make(folder / DATABASE)
        return cls(folder)

    def close(self) -> None:
        """Nothing is open any more; the next call opens it again."""
        with self._using:
            if self._connection is not None:
                # What was acknowledged is on the disk already.
                with suppress(sqlite3.Error):
                    self._connection.close()
            self._connection = None
            self._logs.clear()
            self.memory.clear()

    @property
    def id(self) -> str:
        """The id that was given to the record when it was made, a ULID. Raises: as `find`."""
        with self._open() as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = 'record_id'").fetchone()
            return str(row[0])

    def find(
        self, asked_id: str, scope: str = ids.SHARED_SCOPE, digest: str | None = None
    ) -> bytes | None:
        """The published line of the first request of that id in that scope, or of that digest; None without.

        Raises:
            StorageFailed: the disk refused.
            StateUnreadable: the record is damaged, or of a newer version.
        """
        with self._open() as connection:
            return record_rows.find(connection, {"id": asked_id, "scope": scope, "digest": digest})

    def used(self, asked_ids: Collection[str], scope: str) -> set[str]:
        """Those of the ids under which something was asked in that scope. Raises: as `find`."""
        marks = ", ".join("?" * len(asked_ids))
        query = f"SELECT DISTINCT id FROM request WHERE scope = ? AND id IN ({marks})"  # noqa: S608
        with self._open() as connection:
            return {row[0] for row in connection.execute(query, (scope, *asked_ids))}

    def published(self, *, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """The `seq` and the bytes of each published line behind that one, in their order. Raises: as `find`."""
        query = "SELECT seq, CAST(published AS BLOB) FROM entry WHERE seq > ? ORDER BY seq LIMIT ?"
        while True:
            with self._open() as connection:
                found = connection.execute(query, (after, _AT_ONCE)).fetchall()
            yield from found
            if len(found) < _AT_ONCE:
                return
            after = found[-1][0]

    def numbers(self) -> list[int]:
        """The `seq` of each published line, in their order. Raises: as `find`."""
        with self._open() as connection:
            query = "SELECT seq FROM entry WHERE seq IS NOT NULL ORDER BY seq"
            return [row[0] for row in connection.execute(query)]

    def published_line(self, seq: int) -> bytes | None:
        """The line of that number; None where there is none. Raises: as `find`."""
        with self._open() as connection:
            query = "SELECT CAST(published AS BLOB) FROM entry WHERE seq = ?"
            row = connection.execute(query, (seq,)).fetchone()
            return None if row is None else row[0]

    def last_published(self) -> tuple[int, bytes]:
        """The `seq` of the newest published line, and its bytes; 0 and nothing without one. Raises: as `find`."""
        with self._open() as connection:
            return record_rows.last_published(connection)

    def shown(self) -> int:
        """The `seq` up to which all lines were published when the newest one was committed. Raises: as `find`."""
        with self._open() as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = 'shown'").fetchone()
            return int(row[0]) if row else 0

    def packages(self, mission: int) -> dict[str, bytes]:
        """The state of each package of the mission that was ever changed, by its id. Raises: as `find`."""
        with self._open() as connection:
            query = "SELECT id, state FROM package WHERE mission = ? ORDER BY id"
            return dict(connection.execute(query, (mission,)).fetchall())

    def missions(self, mission_id: str | None, *, folder: str) -> list[KnownMission]:
        """Every mission that has that id or that folder, newest first. Raises: as `find`."""
        with self._open() as connection:
            query = (
                "SELECT number, id, folder, branch FROM mission WHERE id = ? OR folder = ?"
                " ORDER BY number DESC"
            )
            return [
                KnownMission(number=row[0], mission_id=row[1], folder=row[2], branch=row[3])
                for row in connection.execute(query, _kept(mission_id, folder)).fetchall()
            ]

    def folders(self) -> list[tuple[str, str]]:
        """Each folder that a mission was known by, and the branch it was on last. Raises: as `find`."""
        with self._open() as connection:
            query = "SELECT DISTINCT folder, branch FROM mission WHERE branch IS NOT NULL ORDER BY folder"
            return connection.execute(query).fetchall()

    def newest(self, folder: str) -> int:
        """The position of the newest entry of the mission in that folder; 0 without one. Raises: as `find`."""
        with self._open() as connection:
            query = (
                "SELECT max((SELECT max(position) FROM entry WHERE mission = number))"
                " FROM mission WHERE folder = ?"
            )
            return connection.execute(query, _kept(folder)).fetchone()[0] or 0

    def position_of(self, mission: int) -> int:
        """The position of the newest entry of the mission; 0 without one. Raises: as `find`."""
        with self._open() as connection:
            query = "SELECT max(position) FROM entry WHERE mission = ?"
            return connection.execute(query, (mission,)).fetchone()[0] or 0

    def keep_mission(self, known: KnownMission) -> KnownMission:
        """The record knows that of the mission, which has a number now. Raises: as `find`."""
        values = _kept(known.mission_id, known.folder, known.branch)
        with self._writing() as connection:
            if known.number is None:
                order = "INSERT INTO mission (id, folder, branch) VALUES (?, ?, ?)"
                return replace(known, number=connection.execute(order, values).lastrowid)
            order = "UPDATE mission SET id = ?, folder = ?, branch = ? WHERE number = ?"
            connection.execute(order, (*values, known.number))
        return known

    def log_of(self, mission: int) -> KeptLog:
        """The mission's log as it is now. Raises: as `find`."""
        with self._using:
            # Looked at first: the file may have been replaced.
            with self._open():
                known = self._logs.setdefault(mission, KeptLog())
            new = self.entries(after=known.position, mission=mission)
            if known.fold(new) and known.lines:
                # Lines that it had are others now.
                self._logs[mission] = known = KeptLog()
                known.fold(self.entries(mission=mission))
            return known.copy()

    def entries(self, *, after: int = 0, mission: int | None = None) -> Iterator[Entry]:
        """The entries behind that position, oldest first; those of one mission where it is named.

        What is committed meanwhile may be among them. Raises: as `find`.
        """
        where = "position > ?" if mission is None else "position > ? AND mission = ?"
        query = (
            f"SELECT {record_rows.READ} FROM entry WHERE {where} ORDER BY position LIMIT {_AT_ONCE}"  # noqa: S608
        )
        while True:
            with self._open() as connection:
                values = (after,) if mission is None else (after, mission)
                found = [
                    record_rows.entry_in(row)
                    for row in connection.execute(query, values).fetchall()
                ]
            yield from found
            if len(found) < _AT_ONCE:
                return
            after = found[-1].position

    def last(self) -> Entry | None:
        """The newest entry; None where there is none. Raises: as `find`."""
        with self._open() as connection:
            return record_rows.last(connection)

    def commit(self, drafts: Sequence[Draft], *, are_shown: bool = False) -> list[Entry]:
        """All drafts are on the disk, in their order, numbered one after the other; or none is.

        Where `are_shown`, every line that was committed before is published. A draft whose request was answered meanwhile stops all of them: nothing was decided on that.

        Raises:
            AlreadyAsked: that happened.
            OutcomeUnknown: the disk refused at the end; nobody can say whether they were committed.
            StorageFailed: the disk refused; nothing was committed.
            StateUnreadable: the record is damaged, or of a newer version.
        """
        return [*self._committed(drafts, are_shown=are_shown)]

    def commit_all(self, drafts: Iterable[Draft]) -> None:
        """The same for any number of drafts. Raises: as `commit`."""
        deque(self._committed(drafts), maxlen=0)

    def _committed(self, drafts: Iterable[Draft], *, are_shown: bool = False) -> Iterator[Entry]:
        with self._writing() as connection:
            before = record_rows.last(connection)
            if before is not None and before.seq is not None:
                seq, newest = before.seq, before.published
            else:
                seq, newest = record_rows.last_published(connection)
            if are_shown:
                connection.execute("INSERT OR REPLACE INTO meta VALUES ('shown', ?)", (seq,))
            prev = published_line.link(newest) if newest else published_line.NOTHING_BEFORE
            for draft in drafts:
                before = record_rows.entry_of(draft, before=before, seq=seq, prev=prev)
                record_rows.insert(connection, draft, before)
                if before.seq is not None and before.published is not None:
                    seq, prev = before.seq, published_line.link(before.published)
                yield before

    def faults(self) -> list[str]:
        """What is wrong with the record, in words; takes time with its size.

        SQLite looks at its file, then each head is computed again.

        Raises:
            StorageFailed: the disk refused.
        """
        try:
            with self._open() as connection:
                told = [row[0] for row in connection.execute("PRAGMA integrity_check").fetchall()]
                told += [
                    f"{it[0]}: no {it[2]} behind its row {it[1]}"
                    for it in connection.execute("PRAGMA foreign_key_check").fetchall()
                ]
            faults = [f"{self.path}: {it}" for it in told if it != "ok"]
            return faults or self._broken_head()
        except StateUnreadable as error:
            return [str(error)]

    def _broken_head(self) -> list[str]:
        from specify_cli.storage import record_redaction

        head = NOTHING_BEFORE
        with self._open() as connection:
            redacted = record_redaction.original_digests(connection)
        for entry in self.entries():
            try:
                head = record_rows.head_of(head, entry, redacted.get(entry.position))
            except ValueError as error:
                return [f"{self.path}: entry {entry.position} has a line that {error}"]
            if head != entry.head:
                return [f"{self.path}: entry {entry.position} is not what was committed"]
        return []

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection, for rows that another module keeps. Raises: as `find`."""
        return self._open()

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """The same with a transaction, committed at the end of the block. Raises: as `commit`."""
        return self._writing()

    def entries_with(self, text: str) -> list[Entry]:
        """The entries that have the text in their lines, as JSON has it or as it is. Raises: as `find`."""
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            return record_redaction.entries_with(connection, text)

    def entries_at(self, position: int) -> list[Entry]:
        """The entry at that position, if there is one. Raises: as `find`."""
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            return record_redaction.entries_at(connection, position)

    def redactions(self) -> list[Redaction]:
        """Each redaction, oldest first. Raises: as `find`."""
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            return [*record_redaction.all_in(connection)]

    def has_unfinished_redaction(self) -> bool:
        """Whether files may still have what was redacted. Raises: as `find`."""
        with self._open() as connection:
            query = "SELECT 1 FROM meta WHERE name = 'redacting'"
            return connection.execute(query).fetchone() is not None

    def finish_redaction(self) -> None:
        """Nothing has what was redacted any more, the files of the database included. Raises: as `commit`."""
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            record_redaction.scrub(connection)
        with self._writing() as connection:
            record_redaction.finish(connection)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._using:
            try:
                yield self._connected()
            except sqlite3.Error as error:
                # It may be in a state of its own; the next one finds what is on the disk.
                self.close()
                raise record_schema.refusal(error, self.path) from error

    def _connected(self) -> sqlite3.Connection:
        """A connection to the file that has the name now: another one may have been put there."""
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

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction of its own, committed at the end of the block, undone by an exception."""
        with self._open() as connection:
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
                    f"the disk refused while {self.path} was written ({error}); it may have"
                    " happened: ask again under the same id"
                ) from error


_AT_ONCE: Final = 500


def _kept(*names: str | None) -> tuple[str | None, ...]:
    """The names as they are kept: SQLite takes no lone surrogate, which requests and folders may have in theirs."""
    return tuple(
        name if name is None else name.encode("utf-8", "backslashreplace").decode()
        for name in names
    )
