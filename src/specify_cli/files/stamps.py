"""Detect that a file has changed without reading it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final, NamedTuple

_TICK_NS: Final = 20_000_000
"""File systems count time in steps; two writes within one step may have the same times."""


class FileStamp(NamedTuple):
    """The status of a file that differs once it has changed, except by two changes within a tick of its clock."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @property
    def is_settled(self) -> bool:
        """Whether the last change is so old that every later one shows in the stamp."""
        return time.time_ns() - max(self.mtime_ns, self.ctime_ns) > _TICK_NS


def stamp(path: Path | str) -> FileStamp | None:
    """Return the stamp of the entry at `path`, None where it is missing; a link has a stamp of its own.

    Raises:
        OSError: the disk refused.
    """
    try:
        return stamp_of(os.lstat(path))
    except (FileNotFoundError, NotADirectoryError):
        return None


def stamp_of(status: os.stat_result) -> FileStamp:
    """Return the stamp of a file with this status."""
    return FileStamp(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )
