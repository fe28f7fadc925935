"""Read, compare and cut the parts of the published journal."""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, TypeAlias

from specify_cli.storage import published_line
from specify_cli.storage.journal_files import JournalFiles, opened, whole_lines
from specify_cli.storage.record import PRUNED, Record

Line: TypeAlias = tuple[int, bytes]
"""The `seq` of a line, and its bytes."""


SYNCED_BYTES: Final = 64 * 1024
"""Sync a part whenever it grows past a multiple of this; the record has what a power loss takes."""


def ends_with(file: IO[bytes], line: bytes) -> bool:
    """Whether the part ends with this line, and no unsynced block is empty."""
    start = file.seek(0, os.SEEK_END) - len(line)
    if start < 0:
        return False
    unsynced = max(0, min(start // SYNCED_BYTES * SYNCED_BYTES, start - 1))
    file.seek(unsynced)
    data = b"\n" * (start == 0) + file.read()
    return data.endswith(b"\n" + line) and b"\0" not in data


def cut(path: Path, end: int) -> None:
    """Truncate the part at `end`, to remove an interrupted write."""
    with suppress(FileNotFoundError), opened(path, os.O_RDWR) as file:
        if os.fstat(file.fileno()).st_size > end:
            file.truncate(end)


def last_line(path: Path) -> tuple[int, int]:
    """Return the `seq` of the last line of the part, and the end of its last whole line; 0 if none."""
    seq = end = 0
    with suppress(FileNotFoundError), opened(path) as file:
        for line in whole_lines(file):
            if b"\0" in line:
                # A power loss has left a block empty; nothing after it was
                # synced.
                break
            seq, end = published_line.seq_of(line) or seq, end + len(line)
    return seq, end


def sound_lines(part: Path, record: Record, files: JournalFiles) -> list[int] | None:
    """Return the `seq` of each line of the part; None if the part differs from the record.

    Lines that were pruned from the record count if the next line names them.
    """
    seqs: list[int] = []
    pruned, before = record.noted(PRUNED), b""
    redacted = record.redacted_lines() if pruned else {}
    with suppress(FileNotFoundError), opened(part) as file:
        for line in file:
            seq = published_line.seq_of(line) or 0
            known = record.published_line(seq) or redacted.get(seq)
            is_sound = known == line if known else 0 < seq <= pruned
            if not is_sound or not _follows(seq, seqs, record):
                return None
            if before and seq == seqs[-1] + 1 and not published_line.names_whole(line, before):
                return None
            seqs.append(seq)
            before = b"" if known else line
    if before:
        behind = record.published_line(seqs[-1] + 1) or _first_line(files, seqs[-1] + 1)
        return None if behind and not published_line.names_whole(behind, before) else seqs
    return seqs


def _first_line(files: JournalFiles, seq: int) -> bytes:
    """Return the line of that `seq` if a part begins with it; else b""."""
    for path in (files.part(seq), files.path):
        with suppress(OSError), opened(path) as file:
            line = file.readline()
            if published_line.seq_of(line) == seq:
                return line
    return b""


def _follows(seq: int, seqs: Sequence[int], record: Record) -> bool:
    """Whether the record has no line between that line and the one before it."""
    if not seqs or seq == seqs[-1] + 1:
        return True
    return seq > seqs[-1] and record.next_number(seqs[-1]) >= seq


def redacted_part(part: Path, record: Record) -> bytes | None:
    """Return the part with redacted lines replaced by the record's; None if there is none."""
    with suppress(FileNotFoundError), opened(part) as file:
        return with_redacted(file, record)
    return None


def with_redacted(file: Iterable[bytes], record: Record) -> bytes | None:
    """Return the lines with redacted ones replaced by the record's; None if there is none."""
    data = bytearray()
    pruned, is_other = record.redacted_lines(), False
    for line in file:
        seq = published_line.seq_of(line)
        known = (record.published_line(seq) or pruned.get(seq) or line) if seq else line
        is_redacted = known != line and published_line.is_redacted(
            line, known, record.salt_of(seq or 0)
        )
        is_other = is_other or is_redacted
        data += known if is_redacted else line
    return bytes(data) if is_other else None


def runs_of(
    lines: Iterable[Line], *, max_bytes: int, present: Sequence[int] = ()
) -> Iterator[list[Line]]:
    """Yield runs of lines that fit into a part, split where a line of `present` lies between them."""
    run: list[Line] = []
    size = 0
    for seq, line in lines:
        if run and (_is_between(present, run[-1][0], seq) or size + len(line) > max_bytes):
            yield run
            run, size = [], 0
        run.append((seq, line))
        size += len(line)
    if run:
        yield run


def _is_between(numbers: Sequence[int], after: int, before: int) -> bool:
    place = bisect.bisect_right(numbers, after)
    return place < len(numbers) and numbers[place] < before
