"""What tells a file that has changed from one that has not, without reading it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final, NamedTuple

_TICK_NS: Final = 20_000_000
"""File systems count time in steps; what is written twice in one step may look as if it was not."""


class FileStamp(NamedTuple):
    """Of a file that has changed, this is another one, unless it changed again within a tick of its clock."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @property
    def is_settled(self) -> bool:
        """Whether so much time has gone by since that every later change shows."""
        return time.time_ns() - max(self.mtime_ns, self.ctime_ns) > _TICK_NS


def stamp(path: Path | str) -> FileStamp | None:
    """That of the file of that name, a link counts as what it is itself; None where there is none.

    Raises:
        OSError: the disk refused.
    """
    try:
        return stamp_of(os.lstat(path))
    except (FileNotFoundError, NotADirectoryError):
        return None


def stamp_of(status: os.stat_result) -> FileStamp:
    """That of the file that the kernel has told this of."""
    return FileStamp(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )
