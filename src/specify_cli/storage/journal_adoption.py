"""Lines of the published journal that a release wrote which has no record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from specify_cli import clock
from specify_cli.storage import published_line
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import ADOPTED, Asked, Draft


def not_in(record: Record, files: JournalFiles) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each published line that continues what the record has, and what it says; where it has nothing, every sound line.

    Raises:
        StorageFailed: the disk refused.
        StateUnreadable: the record is damaged.
    """
    seq, newest = record.last_published()
    prev = published_line.link(newest) if newest else ""
    for _, line in files.numbered():
        with suppress(ValueError, RecursionError):
            entry = published_line.parse(line)
            continues = (entry["seq"], entry.get("prev")) == (seq + 1, prev)
            if continues or (not newest and entry["seq"] > seq):
                yield line, entry
                seq, prev = entry["seq"], published_line.link(line)


def take_over(record: Record, files: JournalFiles) -> None:
    """The record has those lines, byte for byte; all of them, or none.

    Raises:
        StorageFailed: the disk refused.
        StateUnreadable: the record is damaged.
    """
    record.commit_all(_draft(line, entry) for line, entry in not_in(record, files))


def _draft(line: bytes, entry: Mapping[str, Any]) -> Draft:
    return Draft(
        at=str(entry.get("at") or clock.timestamp()),
        kind=ADOPTED,
        published=partial(_as_it_is, line),
        seq=entry["seq"],
        asked=Asked(
            id=entry["correlation_id"],
            scope=published_line.scope_of(entry),
            digest=str(entry.get("digest") or ""),
        ),
    )


def _as_it_is(line: bytes, seq: int, prev: str) -> bytes:
    return line
