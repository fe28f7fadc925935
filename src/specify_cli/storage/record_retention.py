"""Remove old answers of reads from the record; everything else stays.

A read is a request that changed nothing. No head covers its answer, and a repeated id is answered
anew. The record notes up to which line answers may be missing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from specify_cli import progress
from specify_cli.storage import published_line, record_rows
from specify_cli.storage.record import PRUNED, Record

_LOOKED_AT: Final = "looked_at"
"""The note of the position up to which no removable read is left."""

_A_STEP: Final = 1_000
"""The number of entries read or deleted at once, so that other processes can use the record."""

_PAGES: Final = 1_000
_ENTRIES: Final = (
    "SELECT position, at, length(published) + COALESCE("
    "(SELECT length(private.data) FROM content AS private WHERE private.number = answer), 0),"
    " content, length(data) FROM entry"
    " JOIN content ON number = content WHERE position > ? AND position <= ? ORDER BY position"
)
_LINES: Final = (
    "SELECT position, seq, published, content, content_at, answer FROM entry"
    " WHERE position > ? AND position <= ? AND content IS NOT NULL ORDER BY position"
)


class Asking(NamedTuple):
    """The scope and id of a read."""

    scope: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Remove reads answered before `before`, and the oldest while there are more than `max_count`, or
    all have more than `max_bytes`.
    """

    before: str
    max_bytes: int
    max_count: int | None = None


@dataclass(slots=True, kw_only=True)
class OldReads:
    """The reads up to the position `until` that a rule removes: their number and bytes."""

    until: int = 0
    by_age: int = 0
    by_size: int = 0
    by_count: int = 0
    bytes_by_age: int = 0
    bytes_by_size: int = 0
    bytes_by_count: int = 0

    @property
    def count(self) -> int:
        """The number of removed reads."""
        return self.by_age + self.by_count + self.by_size

    @property
    def bytes(self) -> int:
        """The bytes of removed reads."""
        return self.bytes_by_age + self.bytes_by_count + self.bytes_by_size

    def add(self, *, size: int, is_by_age: bool, is_by_count: bool = False) -> None:
        """Count one more read."""
        if is_by_age:
            self.by_age += 1
            self.bytes_by_age += size
        elif is_by_count:
            self.by_count += 1
            self.bytes_by_count += size
        else:
            self.by_size += 1
            self.bytes_by_size += size

    def cut_to(self, count: int) -> OldReads:
        """Return the counts if only the oldest `count` are removed; bytes are in proportion."""
        by_age = min(count, self.by_age)
        by_count = min(count - by_age, self.by_count)
        by_size = count - by_age - by_count
        return OldReads(
            until=self.until,
            by_age=by_age,
            by_count=by_count,
            by_size=by_size,
            bytes_by_age=self.bytes_by_age * by_age // max(1, self.by_age),
            bytes_by_count=self.bytes_by_count * by_count // max(1, self.by_count),
            bytes_by_size=self.bytes_by_size * by_size // max(1, self.by_size),
        )


class _Read(NamedTuple):
    position: int
    at: str
    length: int
    content: int
    content_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gone:
    """A read to be deleted, with the key of its request."""

    position: int
    seq: int
    contents: tuple[int, ...]
    asking: Asking
    digest: str


@dataclass(slots=True)
class _Held:
    """The bytes of all reads, and the last read of each content with its length."""

    bytes: int = 0
    count: int = 0
    contents: dict[int, tuple[int, int]] = field(default_factory=dict)


def old_reads(record: Record, rule: Rule, *, stay: Collection[Asking] = ()) -> OldReads:
    """Return what the rule removes; never the newest published line or the reads in `stay`.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    held = _Held()
    for read in _reads(record):
        held.bytes += read.length
        held.count += 1
        if read.content not in held.contents:
            held.bytes += read.content_length
        held.contents[read.content] = read.position, read.content_length
    found, newest, kept = OldReads(), _newest_published(record), _positions(record, stay)
    left = held.bytes
    for read in _reads(record):
        is_old = read.at < rule.before
        is_too_many = rule.max_count is not None and held.count > rule.max_count
        if read.position == newest or not (is_old or is_too_many or left > rule.max_bytes):
            break
        last, length = held.contents[read.content]
        size = read.length + (length if last == read.position else 0)
        left -= size
        if read.position not in kept:
            found.add(size=size, is_by_age=is_old, is_by_count=is_too_many)
            held.count -= 1
        found.until = read.position
    return found


def prune(
    record: Record, until: int, *, release: Callable[[Collection[Asking]], Collection[Asking]]
) -> int:
    """Delete the reads up to that position that `release` returns; return their number.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    count, after, is_whole = 0, record.noted(_LOOKED_AT), True
    for start in range(after, until, _A_STEP):
        end = min(start + _A_STEP, until)
        with record.reading() as connection:
            found = [_gone(row) for row in connection.execute(_LINES, (start, end)).fetchall()]
        free = release({it.asking for it in found}) if found else ()
        gone = [it for it in found if it.asking in free]
        is_whole = is_whole and len(gone) == len(found)
        _delete(record, gone, looked_at=end if is_whole else None)
        count += len(gone)
        progress.report(end - after, until - after, "pruning answers of reads")
    # Even if nothing was deleted: a killed process may have freed pages.
    _shrink(record)
    return count


def _reads(record: Record) -> Iterator[_Read]:
    position, last = record.noted(_LOOKED_AT), record.last()
    end = last.position if last else 0
    while position < end:
        with record.reading() as connection:
            step = (position, position + _A_STEP)
            found = connection.execute(_ENTRIES, step).fetchall()
        yield from map(_Read._make, found)
        position += _A_STEP


def _positions(record: Record, asked: Collection[Asking]) -> set[int]:
    """Return the positions of the entries of those requests."""
    query = "SELECT position FROM request WHERE scope = ? AND id = ?"
    with record.reading() as connection:
        return {row[0] for it in asked for row in connection.execute(query, it)}


def _newest_published(record: Record) -> int:
    with record.reading() as connection:
        query = "SELECT position FROM entry WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1"
        row = connection.execute(query).fetchone()
        return row[0] if row else 0


def _gone(row: tuple[int, int, bytes, int, int, int | None]) -> _Gone:
    position, seq, published, content, place, answer = row
    line = bytes(published)
    # A null in place of the shared part makes the line JSON; the place is 0 if nothing was
    # taken out.
    said = published_line.parse(line[:place] + b"null" + line[place:] if place else line)
    return _Gone(
        position=position,
        seq=seq,
        contents=(content,) if answer is None else (content, answer),
        asking=Asking(published_line.scope_of(said), said["correlation_id"]),
        digest=said.get("digest") or "",
    )


def _delete(record: Record, gone: Sequence[_Gone], *, looked_at: int | None) -> None:
    with record.reading() as connection:
        # With foreign keys, each deletion would search all requests for the entry; theirs
        # are deleted too.
        connection.execute("PRAGMA foreign_keys = OFF")
        try:
            with record.writing() as writing:
                _delete_rows(writing, gone)
                if gone:
                    newest = max([record.noted(PRUNED), *(it.seq for it in gone)])
                    record_rows.note(writing, PRUNED, newest)
                if looked_at is not None:
                    record_rows.note(writing, _LOOKED_AT, looked_at)
        finally:
            connection.execute("PRAGMA foreign_keys = ON")


def _delete_rows(connection: sqlite3.Connection, gone: Sequence[_Gone]) -> None:
    order = "DELETE FROM request WHERE scope = ? AND id = ? AND digest = ? AND position = ?"
    keys = [(*it.asking, it.digest, it.position) for it in gone]
    connection.executemany(order, keys)
    connection.executemany("DELETE FROM entry WHERE position = ?", [(it.position,) for it in gone])
    unused = {number for it in gone for number in it.contents}
    connection.executemany(record_rows.DROP_UNUSED, [(it,) for it in unused])


def _shrink(record: Record) -> None:
    """Return free pages to the file system."""
    while True:
        with record.reading() as connection:
            free = connection.execute("PRAGMA freelist_count").fetchone()[0]
            connection.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
            left = connection.execute("PRAGMA freelist_count").fetchone()[0]
        if not left or left == free:
            return
