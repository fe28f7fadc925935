"""Contents that answers of reads share: prove them by digest, and restore them from published files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from specify_cli import ids, progress
from specify_cli.files import folders
from specify_cli.files.regular_files import NotRegular, TooLarge, read_regular
from specify_cli.protocol import SUFFIX, is_request_id
from specify_cli.storage import published_line, reply_differences
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A damaged content: its number and digest, and the first line and request that have it."""

    number: int
    digest: bytes
    seq: int
    request: str

    def __str__(self) -> str:
        return f"the answer to request {self.request}, in line {self.seq} of the journal, is damaged in the record"


def damaged(record: Record) -> list[Damage]:
    """Return every content that differs from its digest.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    with record.reading() as connection:
        query = "SELECT number, digest, CAST(data AS BLOB) FROM content ORDER BY number"
        rows = progress.counted(connection.execute(query), "proving answers")
        wrong = [(number, digest) for number, digest, data in rows if _digest(data) != digest]
        return [_damage(connection, number, digest) for number, digest in wrong]


def found_again(project: Layout, record: Record, wanted: list[Damage]) -> dict[int, bytes]:
    """Return the bytes of those contents that a published line or a reply still has.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    digests = {it.digest: it.number for it in wanted}
    with record.reading() as connection:
        uses = {
            seq: (content, part, at, asked, scope)
            for it in wanted
            for content, seq, part, at, asked, scope in connection.execute(_USES, (it.number,))
        }
    found: dict[int, bytes] = {}

    def offer(data: bytes) -> None:
        if (number := digests.get(_digest(data))) is not None:
            found[number] = data

    for _, line in JournalFiles(project.journal).numbered() if uses else ():
        if (use := uses.get(published_line.seq_of(line) or 0)) is not None:
            _, part, at, *_ = use
            offer(line[at : len(line) - len(part) + at])
    for content, _, _, asked, scope in uses.values():
        if content not in found:
            for data in _replied(project, asked, scope):
                offer(data)
    return found


def restore(project: Layout, record: Record) -> None:
    """Restore damaged contents that are found in published files.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    wanted = damaged(record)
    found = found_again(project, record, wanted)
    with record.writing() as connection:
        for number, data in found.items():
            connection.execute("UPDATE content SET data = ? WHERE number = ?", (data, number))


_USES = (
    "SELECT content, seq, CAST(published AS BLOB), content_at, id, scope FROM entry"
    " LEFT JOIN request USING (position) WHERE content = ?1 OR answer = ?1 ORDER BY seq"
)


def _damage(connection: sqlite3.Connection, number: int, digest: bytes) -> Damage:
    row = connection.execute(_USES, (number,)).fetchone()
    seq, request = (row[1], row[4]) if row else (0, None)
    return Damage(number=number, digest=digest, seq=seq, request=request or "(unknown)")


def _digest(data: bytes) -> bytes:
    return sha256(data).digest()


def _replied(project: Layout, asked: str | None, scope: str | None) -> Iterator[bytes]:
    """Yield the data of replies to the request, encoded as in a line."""
    if asked is None or not is_request_id(asked):
        return
    for identity, outbox in reply_differences.outboxes(project):
        if ids.scope_of(ids.MAILBOX, identity) == scope:
            with (
                suppress(OSError, NotRegular, TooLarge, ValueError, RecursionError),
                folders.opened(outbox, below=project.root) as opened,
            ):
                most, name = reply_differences.MAX_REPLY_BYTES, Path(asked + SUFFIX)
                said = json.loads(read_regular(name, max_bytes=most, dir_fd=opened))
                data = said.get("data") if isinstance(said, dict) else None
                yield json.dumps(data, separators=(",", ":")).encode("ascii")
