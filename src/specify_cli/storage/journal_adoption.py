"""Lines of the published journal that a release wrote which has no record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias

from specify_cli import clock, progress
from specify_cli.errors import RecordBehind
from specify_cli.storage import published_line
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import ADOPTED, RESTORED, Asked, Draft

_FIRST_WITH_RECORD: Final = (1, 5)
"""The version of the contract."""

_Line: TypeAlias = tuple[bytes, dict[str, Any]]


def not_in(record: Record, files: JournalFiles) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each published line that continues what the record has, and what it says; where it has nothing, every sound line.

    Raises:
        StorageFailed: the disk refused.
        StateUnreadable: the record is damaged.
    """
    seq, newest = record.last_published()
    prev = published_line.link(newest) if newest else ""
    for _, line in files.numbered(with_archive=not newest or _has_gap(files, seq)):
        with suppress(ValueError, RecursionError):
            entry = published_line.parse(line)
            continues = (entry["seq"], entry.get("prev")) == (seq + 1, prev)
            if continues or (not newest and entry["seq"] > seq):
                yield line, entry
                seq, prev = entry["seq"], published_line.link(line)


def _has_gap(files: JournalFiles, seq: int) -> bool:
    """Whether the line behind that one may be in the archive."""
    for _, line in files.numbered(with_archive=False):
        return (published_line.seq_of(line) or 0) > seq + 1
    return True


def require_current(record: Record, files: JournalFiles) -> None:
    """Passes where no host that had a record has published more than this one has.

    Raises:
        RecordBehind: the record is older than what was published.
        StateUnreadable: it is damaged.
        StorageFailed: the disk refused.
    """
    seq, _ = record.last_published()
    later = (
        [entry["seq"] for _, entry in not_in(record, files) if _had_record(entry)] if seq else []
    )
    if later:
        raise RecordBehind(
            f"the host's record ends at line {seq} of the journal, and {files.path} has lines {later[0]} to {later[-1]}"
            " that continue it: the record was restored from an older backup, perhaps. Nothing is changed until"
            " 'spec-kitty doctor --fix' has taken them in",
            file=str(record.path),
        )
    if seq and (beyond := _last_beyond(files, seq)):
        raise RecordBehind(
            f"the host's record ends at line {seq} of the journal, and {files.path} has line {beyond}, with a gap between:"
            f" the record was restored from an older backup, perhaps. Put the parts of the journal back into {files.archive},"
            " or a newer backup in the record's place; 'spec-kitty doctor --fix' goes on without these lines",
            file=str(record.path),
        )


def _last_beyond(files: JournalFiles, seq: int) -> int:
    """The last published line of a host that had a record, if it is behind that one; else 0."""
    last = 0
    for _, line in files.numbered(with_archive=False):
        if (published_line.seq_of(line) or 0) > seq:
            with suppress(ValueError, RecursionError):
                entry = published_line.parse(line)
                last = entry["seq"] if _had_record(entry) else last
    return last


def take_over(record: Record, files: JournalFiles, *, restores: bool = False) -> None:
    """The record has those lines, byte for byte; all of them, or none.

    Where a host that had a record has written them, only if it `restores`, as a person has asked for.

    Raises:
        StorageFailed: the disk refused.
        StateUnreadable: the record is damaged, or older than what was published.
    """
    if not restores:
        require_current(record, files)
    record.commit_all(_drafts(record, files))


def _drafts(record: Record, files: JournalFiles) -> Iterator[Draft]:
    last = record.last()
    found = _reported(not_in(record, files), files)
    for place, (line, entry) in enumerate(found):
        if not place and last is not None and last.position > 1 and _had_record(entry):
            said = {"at": clock.timestamp(), "after": last.position, "from": entry["seq"]}
            yield Draft(at=said["at"], kind=RESTORED, log=json.dumps(said).encode() + b"\n")
        yield _draft(line, entry)


def restored_after(record: Record) -> int | None:
    """Behind which entry the record was taken in from the published journal, the first time; None where it never was."""
    with record.reading() as connection:
        query = "SELECT CAST(log AS BLOB) FROM entry WHERE kind = ? ORDER BY position LIMIT 1"
        row = connection.execute(query, (RESTORED,)).fetchone()
    return None if row is None else int(json.loads(row[0])["after"])


def lost_heads(record: Record) -> frozenset[str]:
    """The heads of entries that were lost when the record was restored, as far as commits told of them."""
    with record.reading() as connection:
        rows = connection.execute("SELECT CAST(log AS BLOB) FROM entry WHERE kind = ?", (RESTORED,))
        return frozenset(it for row in rows for it in json.loads(row[0]).get("heads", ()))


def note_lost(record: Record, heads: Sequence[str]) -> None:
    """The record says that it has been restored, and that these heads are of entries which are lost. Raises: as `Record.commit`."""
    last = record.last()
    at = clock.timestamp()
    said = {"at": at, "after": last.position if last else 0, "heads": [*heads]}
    record.commit([Draft(at=at, kind=RESTORED, log=json.dumps(said).encode() + b"\n")])


def _had_record(entry: Mapping[str, Any]) -> bool:
    """Whether the host that wrote the line had a record: releases before 1.5.0 had none."""
    envelope = entry.get("envelope")
    version = envelope.get("contract_version") if isinstance(envelope, dict) else None
    parts = version.split(".")[:2] if isinstance(version, str) else []
    return all(map(str.isdecimal, parts)) and tuple(map(int, parts)) >= _FIRST_WITH_RECORD


def _reported(lines: Iterator[_Line], files: JournalFiles) -> Iterator[_Line]:
    done, total = 0, files.size() if progress.is_observed() else 0
    for line, entry in lines:
        progress.report(done, max(total, done + 1), "taking the journal over")
        done += len(line)
        yield line, entry


def _draft(line: bytes, entry: Mapping[str, Any]) -> Draft:
    return Draft(
        at=str(entry.get("at") or clock.timestamp()),
        kind=ADOPTED,
        published=partial(_as_it_is, line),
        content=published_line.shared_part(entry),
        seq=entry["seq"],
        asked=Asked(
            id=entry["correlation_id"],
            scope=published_line.scope_of(entry),
            digest=str(entry.get("digest") or ""),
        ),
    )


def _as_it_is(line: bytes, seq: int, prev: str) -> bytes:
    return line
