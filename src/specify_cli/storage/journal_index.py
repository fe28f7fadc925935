"""The index of the journal: a disposable database that answers filters and counts without a scan.

It is a projection of the record, or of the published journal if this user cannot read the record, and
nothing is decided on it. A missing or damaged index is made again, and so is one that does not belong
to the record as it is now. If its folder cannot be written, an index in memory takes its place.

Readers bring it up to date, and a worker does the same in the background: no request waits for it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from specify_cli import progress
from specify_cli.errors import StorageFailed
from specify_cli.storage import journal_index_file, published_line, record_rows
from specify_cli.storage.event_lines import json_object
from specify_cli.storage.journal import Journal
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.journal_index_file import (
    Mark,
    NumberedLine,
    add,
    insert,
    mark_of,
    note,
    writing,
)
from specify_cli.storage.journal_rows import IndexedLine, names_of
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import PRUNED, Record
from specify_cli.storage.record_folder import make_inside
from specify_cli.storage.record_schema import make_file

AT_ONCE: Final = 5_000
"""Lines in one transaction: fewer would write the same pages of its indexes more often."""

A_STEP: Final = 500
"""Lines read from the record at once by a process with other work: its requests wait for that."""

_LINES: Final = (
    f"SELECT position, seq, {record_rows.LINE}, head FROM {record_rows.FROM}"  # noqa: S608
    " WHERE seq > ? ORDER BY seq LIMIT ?"
)
_LOGS: Final = (
    "SELECT CAST(log AS BLOB) FROM entry WHERE position <= ? ORDER BY position DESC LIMIT 200"
)
"""The log lines of a request are committed just before its answer."""

Found = TypeVar("Found")


class JournalIndex:
    """The index of the project's journal, for one thread at a time.

    Every method but `close` raises `StorageFailed` if the disk fails, and `StateUnreadable` if the
    record is damaged. Without `may_use_memory`, it raises `StorageFailed` if the file cannot be written.
    """

    def __init__(self, project: Layout, *, may_use_memory: bool = True) -> None:
        self._project = project
        self._may_use_memory = may_use_memory
        self._journal = Journal(project)
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._is_in_memory = False
        self._is_complete = False
        self._stamp: tuple[int, int, int] | None = None

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection, self._stamp = None, None

    def read(self, query: Callable[[sqlite3.Connection], Found]) -> Found:
        """Bring the index up to date, and return the result of the query."""

        def updated() -> Found:
            self._update(None)
            return query(self._opened())

        return self._tried(updated)

    def update(self, most: int | None = None) -> bool:
        """Index the new lines, at most about `most`; return whether none is missing."""
        return self._tried(lambda: self._update(most))

    def lines(self, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
        """Return the journal lines with those `seq`; a line that was removed from all files is missing."""
        found: dict[int, dict[str, Any]] = {}
        record = self._journal.record()
        for seq in numbers if record else ():
            line = record.published_line(seq) if record else None
            if line is not None:
                found[seq] = published_line.parse(bytes(line))
        left = set(numbers) - found.keys()
        for said in JournalFiles(self._project.journal).lines() if left else ():
            if said["seq"] in left:
                found[said["seq"]] = said
        return found

    def events(self, line: IndexedLine, event_ids: object) -> list[dict[str, Any]]:
        """Return the events that the request of that line caused, as far as the record has them near it."""
        record = self._journal.record()
        wanted = set(event_ids) if isinstance(event_ids, list) else set()
        if record is None or not wanted or not line.position:
            return []
        with record.reading() as connection:
            logs = connection.execute(_LOGS, (line.position,)).fetchall()
        said = (event for (log,) in reversed(logs) for event in map(json_object, log.splitlines()))
        return [event for event in said if event and event.get("event_id") in wanted]

    def folder_of(self, mission: str) -> str:
        """Return the folder of the mission that this name fits; the name itself if there is none."""
        record = self._journal.record()
        return _names(record).get(mission, mission) if record else mission

    def _tried(self, action: Callable[[], Found]) -> Found:
        try:
            return action()
        except (sqlite3.Error, OSError):
            # Damaged, or removed by another process. Errors of the record are of other kinds.
            self.close()
        try:
            journal_index_file.remove(self._project)
            return action()
        except (sqlite3.Error, OSError) as error:
            self.close()
            if not self._may_use_memory:
                path = journal_index_file.path_of(self._project)
                raise StorageFailed(f"could not write {path}: {error}") from error
            self._is_in_memory = True
            return action()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            path = journal_index_file.IN_MEMORY if self._is_in_memory else self._made()
            self._connection = journal_index_file.connect(path)
            self._identity = self._found()
        return self._connection

    def _current(self) -> sqlite3.Connection:
        """Return a connection to the file that has the name now: another process may have replaced it."""
        if not self._is_in_memory and self._identity != self._found():
            self.close()
        return self._opened()

    def _started_over(self) -> sqlite3.Connection:
        """Return a connection to an empty index. Nothing of the old one is left on the disk."""
        self.close()
        if not self._is_in_memory:
            journal_index_file.remove(self._project)
        return self._opened()

    def _found(self) -> tuple[int, int] | None:
        try:
            status = journal_index_file.path_of(self._project).lstat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _made(self) -> Path:
        """Return the path of the file; make it for those who may use the folder of the record."""
        if self._journal.record() is None:
            raise FileNotFoundError("there is no record that this user may read")
        path = journal_index_file.path_of(self._project)
        try:
            make_inside(path.parent, base=self._project.host_base)
        except StorageFailed as error:
            raise OSError(error.message) from error
        with contextlib.suppress(FileExistsError):
            make_file(path)
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OSError(f"{path} is not a regular file")  # SQLite would follow a link.
        return path

    def _update(self, most: int | None) -> bool:
        connection = self._current()
        mark = mark_of(connection)
        record = self._journal.record()
        if record is not None and (not self._is_complete or not _is_of(record, mark)):
            # The files may continue a record that was restored from a backup.
            record = self._journal.complete_record()
            self._is_complete = record is not None
        if record is None:
            self._add_published(connection, mark)
            return True
        redactions = _redactions(record)
        if not _is_of(record, mark) or mark.redactions != redactions:
            mark = Mark(record=record.id, redactions=redactions)
            connection = self._started_over()
            self._add_pruned(connection, record)
            with writing(connection):
                note(connection, mark)
        return _follow(connection, record, mark=mark, most=most)

    def _add_pruned(self, connection: sqlite3.Connection, record: Record) -> None:
        """Index the answers of reads that only the published journal and its archive have."""
        pruned = record.noted(PRUNED)
        kept = set(record.numbers()) if pruned else set()
        for lines in self._batches(after=0):
            some = [it for it in lines if it.seq <= pruned and it.seq not in kept]
            with writing(connection):
                insert(connection, some, names={})
            if lines[-1].seq > pruned:
                return

    def _add_published(self, connection: sqlite3.Connection, mark: Mark) -> None:
        """Index the published lines: there is no record that has all of them."""
        if mark.record:
            mark = Mark()
            connection = self._started_over()
        stamp = self._stamp_of_journal()
        if stamp is None or stamp != self._stamp:
            for lines in self._batches(after=mark.seq):
                mark = add(connection, lines, mark=mark, names={})
        self._stamp = stamp

    def _batches(self, *, after: int) -> Iterator[list[NumberedLine]]:
        """Yield the published lines after that `seq`, in order."""
        found: list[NumberedLine] = []
        for _, line in JournalFiles(self._project.journal).numbered():
            seq = published_line.seq_of(line) or 0
            if seq > after:
                found.append(NumberedLine(position=0, seq=seq, line=line, head=b""))
                after = seq
            if len(found) >= AT_ONCE:
                yield found
                found = []
        if found:
            yield found

    def _stamp_of_journal(self) -> tuple[int, int, int] | None:
        try:
            status = self._project.journal.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def _is_of(record: Record, mark: Mark) -> bool:
    """Whether the newest indexed line is in the record, or was pruned from it."""
    if mark.record != record.id:
        return False
    if not mark.seq:
        return True
    entry = record.entry_at(mark.position)
    if entry is None or entry.head != mark.head:
        return False
    if entry.seq != mark.seq:
        return record.noted(PRUNED) >= mark.seq
    return published_line.link(entry.published or b"") == mark.link


def _redactions(record: Record) -> int:
    with record.reading() as connection:
        # The index of the record needs this literal.
        query = "SELECT count(*) FROM entry WHERE kind = 'redaction'"
        return int(connection.execute(query).fetchone()[0])


def _follow(
    connection: sqlite3.Connection, record: Record, *, mark: Mark, most: int | None
) -> bool:
    """Add the lines after the mark; return whether none is missing."""
    first, newest = mark.seq, record.last_published()[0]
    names = _names(record) if first < newest else {}
    while mark.seq < newest and (most is None or mark.seq - first < most):
        with record.reading() as source:
            lines = source.execute(
                _LINES, (mark.seq, AT_ONCE if most is None else A_STEP)
            ).fetchall()
        if not lines:
            # Another process has replaced the record.
            return False
        mark = add(connection, [*map(NumberedLine._make, lines)], mark=mark, names=names)
        progress.report(mark.seq - first, newest - first, "indexing the journal")
    return mark.seq >= newest


def _names(record: Record) -> dict[str, str]:
    with record.reading() as connection:
        return names_of(connection.execute("SELECT id, folder FROM mission").fetchall())
