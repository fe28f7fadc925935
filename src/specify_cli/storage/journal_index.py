"""The index of the journal: a disposable database that answers filters and counts without a scan.

It is a projection of the record, or of the published journal if this user cannot read the record, and
nothing is decided on it. A missing or damaged index is made again, and so is one that does not belong
to the record as it is now. If its folder cannot be written, an index in memory takes its place.

Readers bring it up to date, and a worker does the same in the background: no request waits for it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from specify_cli import progress
from specify_cli.errors import StorageFailed
from specify_cli.storage import journal_index_file, published_line, record_rows
from specify_cli.storage.journal import Journal
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.journal_index_file import writing
from specify_cli.storage.journal_rows import COLUMNS, IndexedLine, names_of, row_of
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import PRUNED, Record
from specify_cli.storage.record_folder import make_inside
from specify_cli.storage.record_retention import LOOKED_AT
from specify_cli.storage.record_schema import make_file

AT_ONCE: Final = 500
_LINES: Final = (
    f"SELECT position, seq, {record_rows.LINE}, head FROM {record_rows.FROM}"  # noqa: S608
    " WHERE seq > ? ORDER BY seq LIMIT ?"
)
_INSERT: Final = (
    f"INSERT OR REPLACE INTO line ({COLUMNS}) VALUES ({', '.join('?' * len(IndexedLine._fields))})"  # noqa: S608
)

Found = TypeVar("Found")


class _Line(NamedTuple):
    position: int
    seq: int
    line: bytes
    head: bytes


class _Mark(NamedTuple):
    """The newest indexed line, and the record that it is from; without a record, `record` is empty.

    `pruned` and `looked_at` are notes of the record that change when answers of reads are removed.
    """

    record: str = ""
    seq: int = 0
    position: int = 0
    link: str = ""
    head: bytes = b""
    redactions: int = 0
    pruned: int = 0
    looked_at: int = 0


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

    def _started_over(self, mark: _Mark) -> sqlite3.Connection:
        """Return a connection to an empty index. Nothing of the old one is left on the disk."""
        self.close()
        if not self._is_in_memory:
            journal_index_file.remove(self._project)
        connection = self._opened()
        with writing(connection):
            _note(connection, mark)
        return connection

    def _found(self) -> tuple[int, int] | None:
        try:
            status = journal_index_file.path_of(self._project).stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _made(self) -> Path:
        """Return the path of the file; make it for those who may use the folder of the record."""
        path = journal_index_file.path_of(self._project)
        try:
            make_inside(path.parent, base=self._project.host_base)
        except StorageFailed as error:
            raise OSError(error.message) from error
        with contextlib.suppress(FileExistsError):
            make_file(path)
        return path

    def _update(self, most: int | None) -> bool:
        connection = self._current()
        mark = _Mark(**dict(connection.execute("SELECT name, value FROM mark").fetchall()))
        record = self._journal.record()
        if record is not None and (not self._is_complete or not _is_of(record, mark)):
            # The files may continue a record that was restored from a backup.
            record = self._journal.complete_record()
            self._is_complete = record is not None
        if record is None:
            self._add_published(connection, mark)
            return True
        noted = _noted(record, mark)
        if not _is_of(record, mark) or mark.redactions != noted.redactions:
            mark = _noted(record, _Mark(record=record.id))
            connection = self._started_over(mark)
        elif mark != noted:
            mark = _without_pruned(connection, record, noted)
        return _follow(connection, record, mark=mark, most=most)

    def _add_published(self, connection: sqlite3.Connection, mark: _Mark) -> None:
        """Index the published lines: there is no record that has all of them."""
        if mark.record:
            mark = _Mark()
            connection = self._started_over(mark)
        stamp = self._stamp_of_journal()
        if stamp is not None and stamp == self._stamp:
            return
        found: list[_Line] = []
        for _, line in JournalFiles(self._project.journal).numbered():
            seq = published_line.seq_of(line) or 0
            if seq > (found[-1].seq if found else mark.seq):
                found.append(_Line(position=0, seq=seq, line=line, head=b""))
            if len(found) >= AT_ONCE:
                mark, found = _add(connection, found, mark=mark, names={}), []
        _add(connection, found, mark=mark, names={})
        self._stamp = stamp

    def _stamp_of_journal(self) -> tuple[int, int, int] | None:
        try:
            status = self._project.journal.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size


def _is_of(record: Record, mark: _Mark) -> bool:
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


def _noted(record: Record, mark: _Mark) -> _Mark:
    """Return the mark with the present notes of the record."""
    with record.reading() as connection:
        # The index of the record needs this literal.
        query = "SELECT count(*) FROM entry WHERE kind = 'redaction'"
        redactions = connection.execute(query).fetchone()[0]
    pruned, looked_at = record.noted(PRUNED), record.noted(LOOKED_AT)
    return mark._replace(redactions=redactions, pruned=pruned, looked_at=looked_at)


def _without_pruned(connection: sqlite3.Connection, record: Record, mark: _Mark) -> _Mark:
    with writing(connection):
        kept = set(record.numbers())
        query = "SELECT seq FROM line WHERE seq <= ?"
        indexed = connection.execute(query, (mark.pruned,)).fetchall()
        gone = [it for it in indexed if it[0] not in kept]
        connection.executemany("DELETE FROM line WHERE seq = ?", gone)
        _note(connection, mark)
    return mark


def _follow(
    connection: sqlite3.Connection, record: Record, *, mark: _Mark, most: int | None
) -> bool:
    """Add the lines after the mark; return whether none is missing."""
    first, newest = mark.seq, record.last_published()[0]
    names = _names(record) if first < newest else {}
    while mark.seq < newest and (most is None or mark.seq - first < most):
        with record.reading() as source:
            lines = source.execute(_LINES, (mark.seq, AT_ONCE)).fetchall()
        mark = _add(connection, [*map(_Line._make, lines)], mark=mark, names=names)
        progress.report(mark.seq - first, newest - first, "indexing the journal")
    return mark.seq >= newest


def _add(
    connection: sqlite3.Connection,
    lines: Sequence[_Line],
    *,
    mark: _Mark,
    names: Mapping[str, str],
) -> _Mark:
    """Add the lines; another process may have added them already."""
    if not lines:
        return mark
    rows: list[IndexedLine] = []
    events: list[tuple[str, int]] = []
    for it in lines:
        # A damaged line of a file has no row.
        with contextlib.suppress(ValueError, RecursionError):
            said = published_line.parse(bytes(it.line))
            row, caused = row_of(said, position=it.position, missions=names)
            rows.append(row)
            events += [(event, it.seq) for event in caused]
    last = lines[-1]
    link = published_line.link(bytes(last.line))
    mark = mark._replace(seq=last.seq, position=last.position, link=link, head=last.head)
    with writing(connection):
        connection.executemany(_INSERT, rows)
        connection.executemany("INSERT OR REPLACE INTO caused VALUES (?, ?)", events)
        _note(connection, mark)
    return mark


def _note(connection: sqlite3.Connection, mark: _Mark) -> None:
    notes: dict[str, Any] = mark._asdict()
    connection.executemany("INSERT OR REPLACE INTO mark VALUES (?, ?)", notes.items())


def _names(record: Record) -> dict[str, str]:
    with record.reading() as connection:
        return names_of(connection.execute("SELECT id, folder FROM mission").fetchall())
