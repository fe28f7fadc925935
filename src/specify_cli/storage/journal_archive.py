"""Archive old parts of the published journal: compress them first, then remove them from the outbox."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from specify_cli import ids, progress
from specify_cli.errors import StateUnreadable
from specify_cli.files import durability, folders, locks
from specify_cli.files.atomic import publish, translated
from specify_cli.storage import record_rows
from specify_cli.storage.journal_files import JournalFiles, opened
from specify_cli.storage.journal_parts import sound_lines
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import DROPPED, Record, last_archived

_CHUNK: Final = 1024 * 1024
_AS_GZIP: Final = 16 + zlib.MAX_WBITS
_LEVEL: Final = 6
_MODE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Archive parts last written before `before` (seconds since the epoch), and the oldest while all
    have more than `max_bytes`.
    """

    before: float
    max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OldPart:
    """An older part to archive, by age or by size."""

    path: Path
    bytes: int
    is_by_age: bool


class _Seen(NamedTuple):
    """The stamp of a part, which changes with it."""

    device: int
    inode: int
    size: int
    changed_at: int


def old_parts(project: Layout, rule: Rule) -> list[OldPart]:
    """Return the parts that the rule archives, oldest first; never the newest part.

    Raises:
        StorageFailed: the disk fails.
    """
    files = JournalFiles(project.journal)
    with translated(files.path.parent, "look at"):
        parts = [(it, it.lstat()) for it in files.older_parts()]
        newest = files.path.lstat().st_size if os.path.lexists(files.path) else 0
    left = newest + sum(status.st_size for _, status in parts)
    found: list[OldPart] = []
    for path, status in parts:
        is_old = status.st_mtime < rule.before
        if not is_old and left <= rule.max_bytes:
            break
        found.append(OldPart(path=path, bytes=status.st_size, is_by_age=is_old))
        left -= status.st_size
    return found


def remove_archived(project: Layout, parts: Sequence[Path]) -> None:
    """Remove parts of the archive; the record has all lines but those of pruned reads.

    Raises:
        StorageFailed: the disk fails.
    """
    # A redaction takes this lock, too, and must not bring a part back.
    with locks.held(project.lock("journal")):
        for part in parts:
            with translated(part, "remove"):
                part.unlink(missing_ok=True)


def archive(project: Layout, record: Record, parts: Sequence[OldPart]) -> list[OldPart]:
    """Archive the parts, which are the oldest ones; return those that were moved.

    If one cannot be moved, later ones stay.

    Raises:
        StorageFailed: the disk fails.
        StateUnreadable: a part differs from the record.
    """
    moved: list[OldPart] = []
    for done, part in enumerate(parts):
        progress.report(done, len(parts), "archiving the journal")
        if not _move(part.path, project, record):
            break
        moved.append(part)
    return moved


def restore(project: Layout, record: Record, archived: Path) -> None:
    """Write the archived part again from the record, which has all lines but those of pruned reads.

    The former file is moved to the attic. The caller holds the journal's lock.

    Raises:
        StorageFailed: the disk fails.
        StateUnreadable: the record is damaged.
    """
    files = JournalFiles(project.journal)
    first = files.first_of(archived)
    later = (files.first_of(it) for it in files.all_archived())
    end = min((it for it in later if it > first), default=record.noted(DROPPED) + 1)
    # Parts behind it may have been moved elsewhere. An older host did not note its last line.
    if last := record.noted(last_archived(first)):
        end = min(end, last + 1)
    lines = {seq: line for seq, line in record.published(after=first - 1) if seq < end}
    _publish(project, files.part(first), b"".join(_packed(lines.values())))
    # Lost lines of pruned reads at its end are not reported again.
    with record.writing() as connection:
        record_rows.note(connection, last_archived(first), max(lines, default=first - 1))


def _move(part: Path, project: Layout, record: Record) -> bool:
    """Archive the part; return False if another process moved or changed it."""
    seen = _seen(part)
    if seen is None:
        return False
    seqs = sound_lines(part, record, JournalFiles(project.journal))
    if not seqs:
        raise StateUnreadable(
            f"{part} is not what the host wrote, and was not archived: run 'spec-kitty mailbox verify', then"
            " 'spec-kitty doctor --fix'"
        )
    with translated(part, "read"):
        data = b"".join(_compressed(part))
    # The lock is taken only now, so that no request waits for the compression. A redaction takes it, too:
    # a part that it has changed meanwhile must not come into the archive as it was.
    with locks.held(project.lock("journal")):
        if _seen(part) != seen:
            return False
        _publish(project, part, data)
        with record.writing() as connection:
            record_rows.note(connection, DROPPED, max(record.noted(DROPPED), seqs[-1]))
            record_rows.note(connection, last_archived(seqs[0]), seqs[-1])
        with translated(part, "remove"):
            part.unlink()
            durability.sync_folder(part.parent)
    return True


def _publish(project: Layout, part: Path, data: bytes) -> None:
    target = JournalFiles(project.journal).archived(part)
    folders.ensure_all(target.parent, below=project.root, mode=0o700)
    if os.path.lexists(target) and target.read_bytes() != data:
        # It may belong to another record: nothing is overwritten.
        place = project.attic / ids.ulid()
        folders.ensure_all(place, below=project.root, mode=0o700)
        with translated(target, "move"):
            target.rename(place / target.name)
    publish(target, data, mode=_MODE, below=project.root)


def _compressed(part: Path) -> Iterator[bytes]:
    with opened(part) as file:
        read: Callable[[], bytes] = lambda: file.read(_CHUNK)  # noqa: E731  for `iter`
        yield from _packed(iter(read, b""))


def _packed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the chunks compressed; equal input gives equal bytes, because no date is included."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _AS_GZIP)
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


def _seen(part: Path) -> _Seen | None:
    with suppress(OSError):
        status = part.lstat()
        return _Seen(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    return None
