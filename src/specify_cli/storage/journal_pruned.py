"""Published lines that were pruned from the record: answers of reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from specify_cli.storage import published_line
from specify_cli.storage.journal_files import PACKED, JournalFiles, unpacked
from specify_cli.storage.record import PRUNED, Record


class LineBeside(NamedTuple):
    """A published line that is not in the record; `is_pruned` if the next line proves that it was pruned."""

    file: Path
    seq: int
    line: bytes
    is_pruned: bool


def lines_beside(
    record: Record, files: JournalFiles, texts: Collection[bytes]
) -> Iterator[LineBeside]:
    """Yield each published or archived line with one of the texts that the record lacks.

    Raises:
        StorageFailed: the disk fails.
        StateUnreadable: the record is damaged.
    """
    pruned = record.noted(PRUNED)
    found: tuple[Path, int, bytes] | None = None
    for place, line in files.numbered():
        seq = published_line.seq_of(line) or 0
        if found:
            yield _beside(found, record.published_line(found[1] + 1), line, pruned=pruned)
        found = None
        if any(it in line for it in texts) and record.published_line(seq) is None:
            found = _file(files, place), seq, line
    if found:
        yield _beside(found, record.published_line(found[1] + 1), b"", pruned=pruned)


def damaged(files: JournalFiles) -> list[Path]:
    """Return the archived parts that cannot be fully unpacked, or are longer than a part can be.

    Raises:
        StorageFailed: the disk fails.
    """
    return [it for it in files.all_archived() if not all(line for _, line in unpacked(it))]


def _beside(
    found: tuple[Path, int, bytes], known: bytes | None, behind: bytes, *, pruned: int
) -> LineBeside:
    file, seq, line = found
    if known is None and published_line.seq_of(behind) == seq + 1:
        known = behind
    is_proved = known is None or published_line.names(known, line)
    return LineBeside(file, seq, line, is_pruned=0 < seq <= pruned and is_proved)


def _file(files: JournalFiles, place: str) -> Path:
    name = place.rpartition(" line ")[0]
    return files.archive / name if name.endswith(PACKED) else files.path.with_name(name)
