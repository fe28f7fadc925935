"""Take over published lines of a release that had no record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias

from specify_cli import clock, progress
from specify_cli.errors import RecordBehind
from specify_cli.storage import published_line
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import ADOPTED, RESTORED, Asked, Draft

_FIRST_WITH_RECORD: Final = (1, 5)
"""The first version of the contract whose hosts keep a record."""

_Line: TypeAlias = tuple[bytes, dict[str, Any]]


def not_in(record: Record, files: JournalFiles) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield each published line that continues the record, and its content; every sound line if the
    record is empty.

    Raises:
        StorageFailed: the disk fails.
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
    """Whether the next line may be in the archive."""
    for _, line in files.numbered(with_archive=False):
        return (published_line.seq_of(line) or 0) > seq + 1
    return True


def require_current(record: Record, files: JournalFiles) -> None:
    """Check that no host with a record has published more than this record has.

    Raises:
        RecordBehind: the record is older than the published journal.
        StateUnreadable: the record is damaged.
        StorageFailed: the disk fails.
    """
    seq, _ = record.last_published()
    later = (
        [entry["seq"] for _, entry in not_in(record, files) if _had_record(entry)] if seq else []
    )
    if later:
        raise RecordBehind(
            f"the host's record ends at line {seq} of the journal, and {files.path} has lines {later[0]} to {later[-1]}"
            " that continue it: the record may have been restored from an older backup. Changes are refused until"
            " 'spec-kitty doctor --fix' has imported these lines",
            file=str(record.path),
        )
    if seq and (beyond := _last_beyond(files, seq)):
        raise RecordBehind(_unconnected(files, seq, beyond), file=str(record.path))


def _unconnected(files: JournalFiles, seq: int, beyond: int) -> str:
    """Explain why lines up to `beyond` do not continue a record that ends at line `seq`."""
    ends = f"the host's record ends at line {seq} of the journal, and {files.path} has"
    if any(published_line.seq_of(line) == seq + 1 for _, line in files.numbered()):
        return (
            f"{ends} lines up to {beyond} that do not continue it: the record belongs to another project, or is a copy of"
            " this one that was continued elsewhere. Stop the worker, then put the project's own record back, or restore a"
            " backup of it ('spec-kitty restore --help'); 'spec-kitty doctor --fix' continues without these lines"
        )
    return (
        f"{ends} line {beyond}, with a gap between: the record may have been restored from an older backup. Put the"
        f" missing parts of the journal back into {files.archive}, or restore a newer backup of the record;"
        " 'spec-kitty doctor --fix' continues without these lines"
    )


def _last_beyond(files: JournalFiles, seq: int) -> int:
    """Return the `seq` of the last later line of a host with a record; else 0."""
    last = 0
    for _, line in files.numbered(with_archive=False):
        if (published_line.seq_of(line) or 0) > seq:
            with suppress(ValueError, RecursionError):
                entry = published_line.parse(line)
                last = entry["seq"] if _had_record(entry) else last
    return last


def take_over(record: Record, files: JournalFiles, *, restores: bool = False) -> None:
    """Commit those lines unchanged, all or none.

    Lines of a host with a record are only taken over if it `restores`, at a person's request.

    Raises:
        StorageFailed: the disk fails.
        StateUnreadable: the record is damaged, or older than the published journal.
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
    """Return the position after which the record was first restored from the journal; None if it never was."""
    with record.reading() as connection:
        query = "SELECT CAST(log AS BLOB) FROM entry WHERE kind = ? ORDER BY position LIMIT 1"
        row = connection.execute(query, (RESTORED,)).fetchone()
    return None if row is None else int(json.loads(row[0])["after"])


def lost_heads(record: Record) -> frozenset[str]:
    """Return the heads of entries that were lost before a restore, as far as commits have them."""
    with record.reading() as connection:
        rows = connection.execute("SELECT CAST(log AS BLOB) FROM entry WHERE kind = ?", (RESTORED,))
        return frozenset(it for row in rows for it in json.loads(row[0]).get("heads", ()))


def note_lost(record: Record, heads: Sequence[str]) -> None:
    """Commit an entry that the record was restored, and that the entries of these heads are lost.

    Raises:
        StateUnreadable, StorageFailed: as `Record.commit`.
    """
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
        published=lambda _seq, _prev: line,
        content=published_line.shared_part(entry),
        seq=entry["seq"],
        asked=Asked(
            id=entry["correlation_id"],
            scope=published_line.scope_of(entry),
            digest=str(entry.get("digest") or ""),
        ),
    )
