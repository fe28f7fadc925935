"""Identify a folder independently of its name."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The device and inode of a folder; the host stores those of each workspace that it made."""

    device: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> Identity:
        """Return the identity of the file with this status."""
        return cls(device=found.st_dev, inode=found.st_ino)


def identity(path: Path) -> Identity | None:
    """Return the identity of the folder at `path`; None where it is missing or not a folder.

    Raises:
        OSError: the disk refused.
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Identity.of(found) if stat.S_ISDIR(found.st_mode) else None
