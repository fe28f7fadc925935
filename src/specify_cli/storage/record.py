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
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from specify_cli import ids
from specify_cli.errors import StateUnreadable
from specify_cli.storage import published_line, record_rows, record_schema, record_states
from specify_cli.storage.kept_log import KeptLog, LogEntry
from specify_cli.storage.log_memory import LogMemory
from specify_cli.storage.record_entries import (
    PLANNED,
    Draft,
    Entry,
    KnownMission,
    OutcomeUnknown,
)

DATABASE: Final = "record.db"
REMADE: Final = "remade"
"""The name of the note of when the record was made in the place of one that was gone."""

PRUNED: Final = "pruned"
"""The note of the greatest `seq` of an answer that was pruned: up to there, some lines may be missing."""

DROPPED: Final = "dropped"
"""The note of the greatest `seq` that is not published any more."""

if TYPE_CHECKING:
    from specify_cli.storage.record_redaction import Redaction


class Record:
    """The record in `folder`, made before; one object a process, for all its threads.

    `path` is the file of its database, `memory` what was read of logs. It `is_compared` where somebody has looked
    whether commits tell of more than this file has.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / DATABASE
        self._using = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._logs: dict[int, KeptLog] = {}
        self.memory = LogMemory()
        self.is_compared = False

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
            self.is_compared = False

    @property
    def id(self) -> str:
        """The id that was given to the record when it was made, a ULID. Raises: as `find`."""
        return str(self.remembered("record_id"))

    @property
    def seal_key(self) -> bytes:
        """The secret that seals the heads in commits. Raises: as `find`."""
        return bytes(self.remembered("seal_key") or b"")

    def remember(self, name: str, value: str | bytes) -> None:
        """The record says that of itself. Raises: as `find`."""
        if self.remembered(name) != value:
            with self.writing() as connection:
                connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def remembered(self, name: str) -> Any:
        """What the record says of itself under that name; None without. Raises: as `find`."""
        with self._open() as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
            return None if row is None else row[0]

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
        query = (
            f"SELECT seq, {record_rows.LINE} FROM {record_rows.FROM}"  # noqa: S608
            " WHERE seq > ? ORDER BY seq LIMIT ?"
        )
        while True:
            with self._open() as connection:
                found = connection.execute(query, (after, _AT_ONCE)).fetchall()
            yield from found
            if len(found) < _AT_ONCE:
                return
            after = found[-1][0]

    def numbers(self, *, after: int = 0) -> list[int]:
        """The `seq` of each published line behind that one, in their order. Raises: as `find`."""
        with self._open() as connection:
            query = "SELECT seq FROM entry WHERE seq > ? ORDER BY seq"
            return [row[0] for row in connection.execute(query, (after,))]

    def next_number(self, after: int) -> int:
        """The `seq` of the first published line behind that one; 0 without one. Raises: as `find`."""
        with self._open() as connection:
            query = "SELECT min(seq) FROM entry WHERE seq > ?"
            return connection.execute(query, (after,)).fetchone()[0] or 0

    def published_line(self, seq: int) -> bytes | None:
        """The line of that number; None where there is none. Raises: as `find`."""
        with self._open() as connection:
            query = f"SELECT {record_rows.LINE} FROM {record_rows.FROM} WHERE seq = ?"  # noqa: S608
            row = connection.execute(query, (seq,)).fetchone()
            return None if row is None else row[0]

    def last_published(self) -> tuple[int, bytes]:
        """The `seq` of the newest published line, and its bytes; 0 and nothing without one. Raises: as `find`."""
        with self._open() as connection:
            return record_rows.last_published(connection)

    def shown(self) -> int:
        """The `seq` up to which all lines were published when the newest one was committed. Raises: as `find`."""
        return self.noted("shown")

    def noted(self, name: str) -> int:
        """The number that was noted under that name; 0 without one. Raises: as `find`."""
        return int(self.remembered(name) or 0)

    def missions(self, mission_id: str | None, *, folder: str) -> list[KnownMission]:
        """Every mission that has that id or that folder, newest first. Raises: as `find`."""
        with self._open() as connection:
            query = (
                "SELECT number, id, folder, branch, plan FROM mission WHERE id = ? OR folder = ?"
                " ORDER BY number DESC"
            )
            rows = connection.execute(query, _kept(mission_id, folder)).fetchall()
            return [_mission_in(row) for row in rows]

    def plans(self, mission: int) -> list[bytes]:
        """Every plan that the mission's execution lanes had, oldest first. Raises: as `find`."""
        with self._open() as connection:
            query = "SELECT CAST(log AS BLOB) FROM entry WHERE mission = ? AND kind = ? ORDER BY position"
            return [row[0] for row in connection.execute(query, (mission, PLANNED))]

    def known(self) -> list[KnownMission]:
        """Every mission, oldest first. Raises: as `find`."""
        with self._open() as connection:
            query = "SELECT number, id, folder, branch, plan FROM mission ORDER BY number"
            return [_mission_in(row) for row in connection.execute(query)]

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

    def behind(self, position: int, *, mission: int) -> tuple[int, int]:
        """How many entries of the mission are behind that position, and that of the newest; 0 without one. Raises: as `find`."""
        with self._open() as connection:
            query = "SELECT count(*), max(position) FROM entry WHERE mission = ? AND position > ?"
            count, newest = connection.execute(query, (mission, position)).fetchone()
            return count, newest or 0

    def keep_mission(self, known: KnownMission) -> KnownMission:
        """The record knows that of the mission, which has a number now. Raises: as `find`."""
        values = _kept(known.mission_id, known.folder, known.branch)
        with self.writing() as connection:
            if known.number is None:
                order = "INSERT INTO mission (id, folder, branch) VALUES (?, ?, ?)"
                return known._replace(number=connection.execute(order, values).lastrowid)
            order = "UPDATE mission SET id = ?, folder = ?, branch = ? WHERE number = ?"
            connection.execute(order, (*values, known.number))
        return known

    def log_of(self, mission: int) -> KeptLog:
        """The mission's log as it is now. Raises: as `find`."""
        with self._using:
            # Looked at first: the file may have been replaced.
            with self._open():
                known = self._logs.setdefault(mission, KeptLog())
            if known.fold(self._of_log(mission, after=known.position)) and known.lines:
                # Lines that it had are others now.
                self._logs[mission] = known = KeptLog()
                known.fold(self._of_log(mission, after=0))
            return known.copy()

    def log_entries(self, mission: int) -> Iterator[LogEntry]:
        """What each entry says of the mission's log, oldest first. Raises: as `find`."""
        return self._of_log(mission, after=0)

    def log_until(self, mission: int, position: int) -> list[bytes]:
        """The lines of the mission's log as it was at that position. Raises: as `find`."""
        kept = KeptLog()
        kept.fold(takewhile(lambda it: it.position <= position, self._of_log(mission, after=0)))
        return kept.lines

    def _of_log(self, mission: int, *, after: int) -> Iterator[LogEntry]:
        query = (
            "SELECT position, kind, place, CAST(log AS BLOB), salt FROM entry"
            " WHERE position > ? AND mission = ? ORDER BY position LIMIT ?"
        )
        while True:
            with self._open() as connection:
                found = connection.execute(query, (after, mission, _AT_ONCE)).fetchall()
            yield from map(LogEntry._make, found)
            if len(found) < _AT_ONCE:
                return
            after = found[-1][0]

    def entries(self, *, after: int = 0, mission: int | None = None) -> Iterator[Entry]:
        """The entries behind that position, oldest first; those of one mission where it is named.

        What is committed meanwhile may be among them. Raises: as `find`.
        """
        where = "position > ?" if mission is None else "position > ? AND mission = ?"
        query = f"SELECT {record_rows.READ} FROM {record_rows.FROM} WHERE {where} ORDER BY position LIMIT {_AT_ONCE}"  # noqa: S608
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

    def entry_at(self, position: int) -> Entry | None:
        """The newest entry that is not behind that position; None without one. Raises: as `find`."""
        query = (
            f"SELECT {record_rows.READ} FROM {record_rows.FROM}"  # noqa: S608
            " WHERE position <= ? ORDER BY position DESC LIMIT 1"
        )
        with self._open() as connection:
            row = connection.execute(query, (position,)).fetchone()
            return None if row is None else record_rows.entry_in(row)

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
        with self.writing() as connection:
            states = record_states.StateFold(connection)
            before = record_rows.last(connection)
            if before is not None and before.seq is not None:
                seq, newest = before.seq, before.published
            else:
                seq, newest = record_rows.last_published(connection)
            if are_shown:
                record_rows.note(connection, "shown", seq)
            prev = published_line.link(newest) if newest else published_line.NOTHING_BEFORE
            for draft in drafts:
                before = record_rows.entry_of(draft, before=before, seq=seq, prev=prev)
                record_rows.insert(connection, draft, before)
                states.add(before)
                if before.seq is not None and before.published is not None:
                    seq, prev = before.seq, published_line.link(before.published)
                yield before
            states.write()

    def faults(self) -> list[str]:
        """What is wrong with the record, in words; takes time with its size.

        SQLite looks at its file, then each head is computed again.

        Raises:
            StorageFailed: the disk refused.
        """
        # Inside the function: few commands prove the record.
        from specify_cli.storage import record_faults, record_redaction

        try:
            with self._open() as connection:
                told = record_faults.told_by_sqlite(connection)
                redacted = record_redaction.original_digests(connection)
                told += [
                    f"{it[0]}: no {it[2]} behind its row {it[1]}"
                    for it in connection.execute("PRAGMA foreign_key_check").fetchall()
                ]
            faults = [f"{self.path}: {it}" for it in told if it != "ok"]
            last = self.last()
            return faults or record_faults.broken_chain(
                self.path,
                self.entries(),
                redacted=redacted,
                pruned=self.noted(PRUNED),
                count=last.position if last else 0,
            )
        except StateUnreadable as error:
            return [str(error)]

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection, for rows that another module keeps. Raises: as `find`."""
        return self._open()

    @contextmanager
    def at_one_moment(self) -> Iterator[sqlite3.Connection]:
        """The same, for several looks at the record as it is now. Raises: as `find`."""
        with self._open() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT")

    @contextmanager
    def noting(self) -> Iterator[sqlite3.Connection]:
        """A transaction that a power loss may undo: it waits for no disk where the mode allows that.

        Raises: as `commit`.
        """
        with self._open() as connection:
            is_ahead = connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
            if is_ahead:
                connection.execute("PRAGMA synchronous = NORMAL")
            try:
                with self.writing() as writing:
                    yield writing
            finally:
                # Closed where it failed; the next connection begins anew.
                if is_ahead and self._connection is connection:
                    connection.execute("PRAGMA synchronous = EXTRA")

    def entries_with(self, text: str) -> list[Entry]:
        """The entries that have the text in their lines, as JSON has it or as it is. Raises: as `find`."""
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            return record_redaction.entries_with(connection, text)

    def redactions(self) -> list[Redaction]:
        """Each redaction, oldest first. Raises: as `find`."""
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            return [*record_redaction.all_in(connection)]

    def entry_published(self, seq: int) -> Entry | None:
        """The entry whose published line has that number; None where there is none. Raises: as `find`."""
        query = f"SELECT {record_rows.READ} FROM {record_rows.FROM} WHERE seq = ?"  # noqa: S608
        with self._open() as connection:
            row = connection.execute(query, (seq,)).fetchone()
            return None if row is None else record_rows.entry_in(row)

    def salt_of(self, seq: int) -> bytes | None:
        """The salt of the entry with that published line; None where it has none. Raises: as `find`."""
        entry = self.entry_published(seq)
        return (entry.salt or None) if entry else None

    def redaction_entries(self) -> list[Entry]:
        """The entry of each redaction, oldest first. Raises: as `find`."""
        query = f"SELECT {record_rows.READ} FROM {record_rows.FROM} WHERE kind = 'redaction' ORDER BY position"  # noqa: S608
        with self._open() as connection:
            return [record_rows.entry_in(row) for row in connection.execute(query).fetchall()]

    def redacted_lines(self) -> dict[int, bytes]:
        """The published lines of reads that were redacted, by number, whether they were pruned or not. Raises: as `find`."""
        return {seq: line for it in self.redactions() for seq, line in it.lines.items()}

    def has_unfinished_redaction(self) -> bool:
        """Whether files may still have what was redacted. Raises: as `find`."""
        return self.remembered("redacting") is not None

    def finish_redaction(self) -> None:
        """Nothing has what was redacted any more, the files of the database included. Raises: as `commit`."""
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            record_redaction.scrub(connection)
        with self.writing() as connection:
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
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction of its own, committed at the end of the block, undone by an exception. Raises: as `commit`."""
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


def _mission_in(row: Sequence[Any]) -> KnownMission:
    number, mission_id, folder, branch, plan = row
    return KnownMission(
        number=number, mission_id=mission_id, folder=folder, branch=branch, plan=plan or b""
    )


def _kept(*names: str | None) -> tuple[str | None, ...]:
    """The names as they are kept: SQLite takes no lone surrogate, which requests and folders may have in theirs."""
    return tuple(
        name if name is None else name.encode("utf-8", "backslashreplace").decode()
        for name in names
    )
