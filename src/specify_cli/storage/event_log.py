"""The append-only log of a mission: JSON lines, locked, synced, the authority on every lane."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from specify_cli import ids
from specify_cli.core.events import Event
from specify_cli.errors import StorageFailed
from specify_cli.files import folders
from specify_cli.files.atomic import fsync_folder, publish
from specify_cli.storage import event_lines, project_files
from specify_cli.storage.event_lines import LogContent
from specify_cli.storage.log_file import LogFile, write_all


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLog:
    """The log of one mission; nothing between it and the project's `root` may be a link.

    `attic` is the folder for what interrupted appends have left.
    """

    path: Path
    root: Path
    mission_slug: str
    attic: Path

    def read(self) -> LogContent:
        """The log's content; an interrupted append at its end counts as not written.

        Raises: StateUnreadable naming file and line when a line before the end is damaged,
        StorageFailed when the file cannot be read.
        """
        return event_lines.parse(self.raw(), self.path)

    def raw(self) -> bytes:
        """The file's bytes; none where there is no file.

        Raises: StateUnreadable where it, or a folder on the way, is not what it should be;
        StorageFailed.
        """
        return LogFile(self.path, self.root, self.attic).raw()

    def append(self, events: Sequence[Event]) -> None:
        """All `events` are on the disk, or none is; call it under the mission's lock.

        Raises: StateUnreadable, StorageFailed.
        """
        self.append_lines(event_lines.encode(events, mission_slug=self.mission_slug))

    def append_lines(self, lines: bytes) -> None:
        """The encoded `lines` are on the disk, or none is; call it under the mission's lock.

        Raises: StateUnreadable, StorageFailed.
        """
        raw = self.raw()
        torn = event_lines.parse(raw, self.path).torn
        try:
            self._repair(torn, at=len(raw) - len(torn))
            self._write(lines)
        except OSError as error:
            message = f"cannot append to {self.path}: {error.strerror}; nothing was changed"
            raise StorageFailed(message) from error

    def take_back(self, events: Sequence[Event]) -> None:
        """The log ends before `events`, its newest append, which nobody was told of yet.

        Call it under the mission's lock that `append` was called under.
        Raises: StorageFailed.
        """
        raw, lines = self.raw(), event_lines.encode(events, mission_slug=self.mission_slug)
        if not raw.endswith(lines):
            return
        try:
            with self._opened(os.O_RDWR) as log:
                log.truncate(len(raw) - len(lines))
                os.fsync(log.fileno())
        except OSError as error:
            message = f"cannot take an append to {self.path} back: {error.strerror}"
            raise StorageFailed(message) from error

    def mend(self) -> None:
        """The file ends with a complete line; call it under the mission's lock.

        Raises: StateUnreadable, StorageFailed.
        """
        if os.path.lexists(self.path):
            self.append_lines(b"")

    def _opened(self, flags: int) -> AbstractContextManager[FileIO]:
        return project_files.opened(self.path, below=self.root, flags=flags)

    def _repair(self, torn: bytes, *, at: int) -> None:
        """The file ends with a complete append, at that place; what was torn is kept in the attic."""
        if torn:
            folders.ensure(self.attic, below=self.root, mode=0o700)
            kept = self.attic / f"{self.path.parent.name}-{ids.ulid()}"
            publish(kept, torn, below=self.root)
            with self._opened(os.O_RDWR) as log:
                log.truncate(at)

    def _write(self, data: bytes) -> None:
        """`data` is at the end of the file and synced, or the file is as long as before."""
        is_new = not os.path.lexists(self.path)
        # Unbuffered: a buffer would try once more when it is closed, behind the truncation.
        with self._opened(os.O_RDWR | os.O_APPEND | os.O_CREAT) as log:
            size = os.fstat(log.fileno()).st_size
            try:
                if size and os.pread(log.fileno(), 1, size - 1) != b"\n":
                    data = b"\n" + data
                write_all(log, data)
                os.fsync(log.fileno())
                if is_new:
                    fsync_folder(self.path.parent)
            except (OSError, StorageFailed):
                os.ftruncate(log.fileno(), size)
                if is_new:
                    self.path.unlink()
                raise
