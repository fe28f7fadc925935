"""Write the published journal from the record.

The record decides. Lines that the files have lost are written again; published lines of an older
release that the record lacks are taken over into it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, TypeAlias

from specify_cli import ids
from specify_cli.files import durability, folders, moves
from specify_cli.files.atomic import fsync_folder, publish, translated
from specify_cli.storage import journal_adoption, published_line, record_folder
from specify_cli.storage.deferred_log import DeferredLog
from specify_cli.storage.journal_files import JournalFiles, opened, unpacked, whole_lines
from specify_cli.storage.journal_parts import (
    SYNCED_BYTES,
    Line,
    cut,
    ends_with,
    last_line,
    redacted_part,
    runs_of,
    sound_lines,
    with_redacted,
)
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import DROPPED, Record

MAX_BYTES: Final = 16 * 1024 * 1024
"""The size at which a part is rotated. The default of `journal_max_bytes` is the same: older parts are archived."""


_WRITING: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT
_log: Final = DeferredLog(__name__)


_State: TypeAlias = tuple[int, int, int, int]
"""Device, inode and size of the newest part; and the `seq` of the record's newest line."""


class JournalPublisher:
    """Writes the files of a journal; the caller holds the journal's lock."""

    def __init__(self, project: Layout, *, max_bytes: int) -> None:
        self._project = project
        self._files = JournalFiles(project.journal)
        self._max_bytes = max_bytes
        self._seen: _State | None = None

    def require_current(self, record: Record) -> None:
        """Check that the record is not older than the published journal.

        Raises:
            StateUnreadable: it is older, or damaged.
            StorageFailed: the disk fails.
        """
        with translated(self._files.path, "read"):
            journal_adoption.require_current(record, self._files)

    def bring_up(self, record: Record, *, restores: bool = False) -> None:
        """Bring record and files to the same lines, except for lines that were changed in the files.

        Raises:
            StorageFailed: the disk fails.
            StateUnreadable: the record is damaged; or it is older than the published journal, and
                `restores` is false.
        """
        with translated(self._files.path, "use"):
            if not self.is_up(record):
                journal_adoption.take_over(record, self._files, restores=restores)
                self._put_right(record)

    def add(self, lines: Sequence[Line]) -> None:
        """Publish the newest lines of the record; all earlier ones are published already.

        Raises:
            StorageFailed: the disk fails; the next `bring_up` publishes them.
        """
        with translated(self._files.path, "write"):
            for run in runs_of(lines, max_bytes=self._max_bytes):
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
        """Make the files contain the record's lines, each once and in order.

        A part with anything else is moved to the attic.

        Raises:
            StorageFailed: the disk fails.
            StateUnreadable: the record is damaged.
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
            # Dropped and pruned lines are not published again.
            known = record.published(after=record.noted(DROPPED))
            missing = (it for it in known if it[0] not in present)
            for run in runs_of(missing, max_bytes=self._max_bytes, present=sorted(present)):
                self._publish(run)

    def redact(self, record: Record) -> None:
        """Remove redacted text from all parts; `tail -F` prints no line twice.

        Raises:
            StorageFailed: the disk fails.
            StateUnreadable: the record is damaged.
        """
        with translated(self._files.path, "redact"):
            for part in self._files.older_parts():
                data = redacted_part(part, record)
                if data is not None:
                    publish(part, data, below=self._project.root)
            # Include parts that are still published: a writer may have been killed
            # before it removed one.
            for part in self._files.all_archived():
                self._redact_archived(part, record)
            if redacted_part(self._files.path, record) is not None:
                self._seen = None
                publish(self._files.path, b"", below=self._project.root)
                lines = record.published(after=self._last_of_older_parts())
                for run in runs_of(lines, max_bytes=self._max_bytes):
                    self._publish(run)

    def _redact_archived(self, part: Path, record: Record) -> None:
        # Inside the function: few projects have an archive.
        import gzip

        if not all(line for _, line in unpacked(part)):
            return  # A damaged part is left unchanged; the caller reports it.
        data = with_redacted((line for _, line in unpacked(part)), record)
        if data is not None:
            packed = gzip.compress(data, mtime=0)
            publish(part, packed, mode=0o600, below=self._project.root)

    def is_complete(self, record: Record) -> bool:
        """Whether the record has every published line.

        Raises:
            StateUnreadable, StorageFailed: as `bring_up`.
        """
        with translated(self._files.path, "read"):
            if self.is_up(record):
                return True
            unknown = next(journal_adoption.not_in(record, self._files), None)
            # Lines may be recorded and published while the files are read.
            return unknown is None or unknown[1]["seq"] <= record.last_published()[0]

    def is_up(self, record: Record) -> bool:
        """Whether the newest line is published and the newest part is unchanged, as far as its stamp shows."""
        seq, line = record.last_published()
        if self._seen is not None and self._seen == _glance(self._files.path, seq):
            return True
        with suppress(OSError), opened(self._files.path) as file:
            state = _state(file, seq)
            if state != self._seen and not (line and ends_with(file, line)):
                return False
            self._seen = state
            return True
        return False

    def _put_right(self, record: Record) -> None:
        path, older = self._files.path, self._last_of_older_parts()
        seq, end = last_line(path)
        if seq and seq <= older:
            # A part that was moved away has been put back.
            self._put_away(path)
            seq = end = 0
        cut(path, end)
        known = max(seq or older, record.noted(DROPPED))
        runs = runs_of(record.published(after=known), max_bytes=self._max_bytes)
        if known >= record.shown():
            # Nothing was lost: the outbox could not be written, or a writer was
            # killed after the commit.
            with opened(path, _WRITING):
                """Create the file for its followers, even without lines."""
            for run in runs:
                self._add(run)
            return
        # In a part of their own, so that `tail -F` prints no line twice and none late.
        first = None
        for run in runs:
            self._publish(run)
            first = first or run[0][0]
        self._rotate()
        _log.warning(
            "%s lacked lines %d to %d; they were restored from the record to %s",
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
            # A follower must not read half a line.
            with suppress(OSError):
                file.truncate(size)
            raise
        if not size:
            fsync_folder(self._files.path.parent)
        if lines:
            self._seen = _state(file, lines[-1][0])

    def _rotate(self) -> None:
        """Rename the newest part to an older one, and begin a new one."""
        path = self._files.path
        with suppress(FileNotFoundError), opened(path) as file:
            durability.sync_data(file.fileno())
            first = next(filter(None, map(published_line.seq_of, whole_lines(file))), None)
            if first is None or os.path.lexists(self._files.part(first)):
                self._put_away(path)
            else:
                path.rename(self._files.part(first))
        # A new inode tells followers that the file was replaced.
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
            record_folder.make_inside(folder, base=base)
        with (
            folders.opened(part.parent, below=self._project.root) as here,
            folders.opened(place, below=base) as there,
        ):
            moves.move(part.name, part.name, src_dir_fd=here, dst_dir_fd=there)

    def _last_of_older_parts(self) -> int:
        for part in reversed(self._files.older_parts()):
            last = last_line(part)[0]
            if last:
                return last
        return 0


def _state(file: IO[bytes], seq: int) -> _State:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, seq


def _glance(path: Path, seq: int) -> _State | None:
    """Return the state without opening the file; None if it is missing."""
    with suppress(OSError):
        status = path.lstat()
        return status.st_dev, status.st_ino, status.st_size, seq
    return None
