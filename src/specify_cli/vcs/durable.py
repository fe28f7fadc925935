"""What git has written is on the disk."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from specify_cli.vcs.checkouts import git_dir_of


def sync(root: Path) -> None:
    """Everything in the checkout at `root` and in its git folder survives a power loss.

    Git itself syncs files on request, but no folder: the name of a ref or a worktree may be gone.
    One sync of the file system makes objects, refs, index, files and all their names durable.

    Raises:
        OSError: the disk refused.
    """
    places = {place.stat().st_dev: place for place in (root, git_dir_of(root)) if place}
    for place in places.values():
        _sync_file_system(place)


def _sync_file_system(place: Path) -> None:
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(place))
    finally:
        os.close(descriptor)
