"""Brings the published journal to what the record has.

The record decides. Lines that the files have lost come back; lines that the record does not have are of an
older release, and are taken over into it.
"""

from __future__ import annotations

import bisect
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, TypeAlias

from specify_cli import ids
from specify_cli.files import durability, folders, moves
from specify_cli.files.atomic import fsync_folder, publish, translated
from specify_cli.storage import journal_adoption, published_line, record_place
from specify_cli.storage.journal_files import JournalFiles, opened, unpacked, whole_lines
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import DROPPED, PRUNED, Record

MAX_BYTES: Final = 64 * 1024 * 1024

SYNCED_BYTES: Final = 64 * 1024
"""The files are synced whenever they have grown past a multiple of this: what they lose with the power, the record has."""

_WRITING: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT
_log: Final = logging.getLogger(__name__)

Line: TypeAlias = tuple[int, bytes]
"""The number of a line, and its bytes."""


_State: TypeAlias = tuple[int, int, int, int]
"""Of the newest part: device, inode and size; and the record's newest line, when all was published."""


class JournalPublisher:
    """Writes the files of a journal; its caller holds the journal's lock."""

    def __init__(self, project: Layout, *, max_bytes: int) -> None:
        self._project = project
        self._files = JournalFiles(project.journal)
        self._max_bytes = max_bytes
        self._seen: _State | None = None

    def require_current(self, record: Record) -> None:
        """Passes where the record is not older than what was published. Raises: StateUnreadable, StorageFailed."""
        with translated(self._files.path, "read"):
            journal_adoption.require_current(record, self._files)

    def bring_up(self, record: Record, *, restores: bool = False) -> None:
        """Every line is in record and files, but for those that somebody changed in the files.

        Raises:
            StorageFailed: the disk refused.
            StateUnreadable: the record is damaged, or, unless it `restores`, older than what was published.
        """
        with translated(self._files.path, "use"):
            if not self.is_up(record):
                journal_adoption.take_over(record, self._files, restores=restores)
                self._put_right(record)

    def add(self, lines: Sequence[Line]) -> None:
        """The lines, the record's newest, are published; before them everything was.

        Raises:
            StorageFailed: the disk refused; the next call of `bring_up` brings them.
        """
        with translated(self._files.path, "write"):
            for run in _runs(lines, max_bytes=self._max_bytes):
                self._add(run)

    def _add(self, run: Sequence[Line]) -> None:
        length = sum(len(line) for _, line in run)
        with opened(self._files.path, _WRITING) as file:
            size = os.fstat(file.fileno()).st_size
            if not size or size + length <= self._max_bytes:
                self._append(file, run)
                return
        self._rotate()
        with opened(self._files.path, _WRITING) as file:
            self._append(file, run)

    def restore(self, record: Record) -> None:
        """The files have the record's lines, each once and in their order.

        A part that has anything else is in the attic. Raises: StorageFailed, StateUnreadable.
        """
        self._seen = None
        present: set[int] = set()
        with translated(self._files.path, "repair"):
            for part in [*self._files.older_parts(), self._files.path]:
                seqs = sound_lines(part, record, self._files)
                if seqs is not None and present.isdisjoint(seqs):
                    present.update(seqs)
                    continue
                self._put_away(part)
            # What was dropped or pruned stays so.
            known = record.published(after=record.noted(DROPPED))
            missing = (it for it in known if it[0] not in present)
            for run in _runs(missing, max_bytes=self._max_bytes, present=sorted(present)):
                self._publish(run)

    def redact(self, record: Record) -> None:
        """No part has a line with text that was redacted; who follows the newest one is shown no line twice.

        Raises: StorageFailed, StateUnreadable.
        """
        with translated(self._files.path, "redact"):
            for part in self._files.older_parts():
                data = _redacted(part, record)
                if data is not None:
                    publish(part, data, below=self._project.root)
            # Also those that are published still: a writer may have been killed before it removed one.
            for part in self._files.all_archived():
                self._redact_archived(part, record)
            if _redacted(self._files.path, record) is not None:
                self._seen = None
                publish(self._files.path, b"", below=self._project.root)
                lines = record.published(after=self._last_of_older_parts())
                for run in _runs(lines, max_bytes=self._max_bytes):
                    self._publish(run)

    def _redact_archived(self, part: Path, record: Record) -> None:
        # Inside the function: few projects have an archive.
        import gzip

        lines = [line for _, line in unpacked(part)]
        data = _with_redacted(lines, record)
        # A damaged one stays as it is: whoever redacts is told of it.
        if data is not None and all(lines):
            packed = gzip.compress(data, mtime=0)
            publish(part, packed, mode=0o600, below=self._project.root)

    def is_complete(self, record: Record) -> bool:
        """Whether the files have no line that the record lacks. Raises: as `bring_up`."""
        with translated(self._files.path, "read"):
            unknown = journal_adoption.not_in(record, self._files)
            return self.is_up(record) or next(unknown, None) is None

    def is_up(self, record: Record) -> bool:
        """Whether the newest line is published, and nobody has touched the newest part since; as far as that can be seen."""
        seq, line = record.last_published()
        if self._seen is not None and self._seen == _glance(self._files.path, seq):
            return True
        with suppress(OSError), opened(self._files.path) as file:
            state = _state(file, seq)
            if state != self._seen and not (line and _ends_with(file, line)):
                return False
            self._seen = state
            return True
        return False

    def _put_right(self, record: Record) -> None:
        path, older = self._files.path, self._last_of_older_parts()
        seq, end = _scanned(path)
        if seq and seq <= older:
            # Somebody has put it back that was taken away.
            self._put_away(path)
            seq = end = 0
        _cut(path, end)
        known = max(seq or older, record.noted(DROPPED))
        runs = _runs(record.published(after=known), max_bytes=self._max_bytes)
        if known >= record.shown():
            # Nothing was lost: the outbox refused, or a writer was killed between the record and here.
            with opened(path, _WRITING):
                """Who follows it finds it there, with lines or without."""
            for run in runs:
                self._add(run)
            return
        # Beside the newest part, so that who follows that one is shown no line twice, and none too late.
        first = None
        for run in runs:
            self._publish(run)
            first = first or run[0][0]
        self._rotate()
        _log.warning(
            "%s lacked the lines %d to %d; the host knew them, and they are in %s again",
            path,
            first,
            record.last_published()[0],
            self._files.part(first or 0).name,
        )

    def _append(self, file: IO[bytes], lines: Sequence[Line]) -> None:
        data = b"".join(line for _, line in lines)
        size = os.fstat(file.fileno()).st_size
        try:
            remaining = memoryview(data)
            while remaining:
                remaining = remaining[file.write(remaining) :]
            if size // SYNCED_BYTES != (size + len(data)) // SYNCED_BYTES:
                durability.sync_data(file.fileno())
        except OSError:
            self._seen = None
            # Half a line is worse than none for who follows.
            with suppress(OSError):
                file.truncate(size)
            raise
        if not size:
            fsync_folder(self._files.path.parent)
        if lines:
            self._seen = _state(file, lines[-1][0])

    def _rotate(self) -> None:
        """What there is of a newest part is an older one; a new one has its name."""
        path = self._files.path
        with suppress(FileNotFoundError), opened(path) as file:
            durability.sync_data(file.fileno())
            first = next(filter(None, map(published_line.seq_of, whole_lines(file))), None)
            if first is None or os.path.lexists(self._files.part(first)):
                self._put_away(path)
            else:
                path.rename(self._files.part(first))
        # Never the same file: who follows it knows it by that.
        publish(path, b"", below=self._project.root)

    def _publish(self, run: Sequence[Line]) -> None:
        part = self._files.part(run[0][0])
        if os.path.lexists(part):
            self._put_away(part)
        publish(part, b"".join(line for _, line in run))

    def _put_away(self, part: Path) -> None:
        attic = self._project.attic
        place, base = attic / ids.ulid(), self._project.host_base
        for folder in (attic, place):
            record_place.make_inside(folder, base=base)
        with (
            folders.opened(part.parent, below=self._project.root) as here,
            folders.opened(place, below=base) as there,
        ):
            moves.move(part.name, part.name, src_dir_fd=here, dst_dir_fd=there)

    def _last_of_older_parts(self) -> int:
        for part in reversed(self._files.older_parts()):
            last = _scanned(part)[0]
            if last:
                return last
        return 0


def _state(file: IO[bytes], seq: int) -> _State:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, seq


def _glance(path: Path, seq: int) -> _State | None:
    """The state without opening the file; None where there is none."""
    with suppress(OSError):
        status = path.lstat()
        return status.st_dev, status.st_ino, status.st_size, seq
    return None


def _ends_with(file: IO[bytes], line: bytes) -> bool:
    """Whether the last line of the part is this one, and nothing that was not synced is empty."""
    start = file.seek(0, os.SEEK_END) - len(line)
    if start < 0:
        return False
    unsynced = max(0, min(start // SYNCED_BYTES * SYNCED_BYTES, start - 1))
    file.seek(unsynced)
    data = b"\n" * (start == 0) + file.read()
    return data.endswith(b"\n" + line) and b"\0" not in data


def _cut(path: Path, end: int) -> None:
    """The part ends there: the rest is of a write that a crash interrupted."""
    with suppress(FileNotFoundError), opened(path, os.O_RDWR) as file:
        if os.fstat(file.fileno()).st_size > end:
            file.truncate(end)


def _scanned(path: Path) -> tuple[int, int]:
    """The number of the last line of the part that has one, and where its last whole line ends; 0 without."""
    seq = end = 0
    with suppress(FileNotFoundError), opened(path) as file:
        for line in whole_lines(file):
            if b"\0" in line:
                # A block that a loss of power has left empty; behind it nothing was synced.
                break
            seq, end = published_line.seq_of(line) or seq, end + len(line)
    return seq, end


def sound_lines(part: Path, record: Record, files: JournalFiles) -> list[int] | None:
    """The numbers of the lines of the part; None where it has anything that the record does not.

    Lines that were pruned from the record count where the line behind them names them.
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
    """The line of that number where a part begins with it; empty where none does."""
    for path in (files.part(seq), files.path):
        with suppress(OSError), opened(path) as file:
            line = file.readline()
            if published_line.seq_of(line) == seq:
                return line
    return b""


def _follows(seq: int, seqs: Sequence[int], record: Record) -> bool:
    """Whether nothing that the record has is missing between that line and the one before it."""
    if not seqs or seq == seqs[-1] + 1:
        return True
    return seq > seqs[-1] and record.next_number(seqs[-1]) >= seq


def _redacted(part: Path, record: Record) -> bytes | None:
    """The part with the record's lines in place of those that were redacted; None where it has none of these."""
    with suppress(FileNotFoundError), opened(part) as file:
        return _with_redacted(file, record)
    return None


def _with_redacted(file: Iterable[bytes], record: Record) -> bytes | None:
    lines: list[bytes] = []
    pruned, is_other = record.redacted_lines(), False
    for line in file:
        seq = published_line.seq_of(line)
        known = (record.published_line(seq) or pruned.get(seq) or line) if seq else line
        is_redacted = known != line and published_line.is_redacted(
            line, known, record.salt_of(seq or 0)
        )
        is_other = is_other or is_redacted
        lines.append(known if is_redacted else line)
    return b"".join(lines) if is_other else None


def _runs(
    lines: Iterable[Line], *, max_bytes: int, present: Sequence[int] = ()
) -> Iterator[list[Line]]:
    """Runs of lines with none that is `present` between them, none longer than a part may be."""
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
