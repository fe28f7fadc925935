"""Sync files and folders to the disk."""

from __future__ import annotations

import os
from pathlib import Path


def sync_all() -> None:
    """Sync all file systems, so that everything git has written by now survives a power loss.

    Git syncs files on request but never folders, so that the name of a ref or a whole worktree
    could vanish. Syncing the file systems makes objects, refs, index, files and all their names
    durable.
    """
    os.sync()


def sync_folder(path: Path) -> None:
    """Sync the folder at `path`, so that names created, moved or removed in it survive a power loss.

    Raises:
        OSError: the folder is missing, or the disk refused.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_data(descriptor: int) -> None:
    """Sync the data of an open file; macOS has no `fdatasync`, and syncs the metadata too.

    Raises:
        OSError: the disk refused.
    """
    getattr(os, "fdatasync", os.fsync)(descriptor)
