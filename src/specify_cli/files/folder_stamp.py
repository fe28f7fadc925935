"""Find out with one system call whether the names in a folder changed since they were listed."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

COARSE_S: Final = 2.0
"""The coarsest date of a change that a file system keeps."""

LIST_AGAIN_S: Final = 10.0
"""A folder is listed again after this time, in case its file system does not date changes."""

_Stamp: TypeAlias = tuple[int, int, int, int]


class FolderStamp:
    """The date of the last change of a folder that was listed.

    One thread lists the folder, others may call `is_current`.
    """

    def __init__(self) -> None:
        self._stamp: _Stamp | None = None
        self._since = self._listed = -math.inf

    def is_current(self, folder: Path) -> bool:
        """Return whether the last listing of the folder is still true."""
        # A change within the granularity of the date, and after the listing, does not show in the date.
        return (
            self._stamp is not None
            and time.monotonic() - self._listed < LIST_AGAIN_S
            and _stamp_of(folder) == self._stamp
            and self._listed - self._since >= COARSE_S
        )

    @contextlib.contextmanager
    def listing(self, folder: int) -> Iterator[None]:
        """Note that the open folder is listed in the block, unless the block fails."""
        began, stamp = time.monotonic(), _stamp_of(folder)
        if stamp != self._stamp:
            self._since, self._stamp = began, stamp
        yield
        self._listed = began


def _stamp_of(folder: Path | int) -> _Stamp | None:
    try:
        status = os.fstat(folder) if isinstance(folder, int) else os.lstat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns
