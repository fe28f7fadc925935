"""Rename without overwriting."""

from __future__ import annotations

import errno
import os


def rename_new(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
    """Rename `old` to `new`, unless `new` exists.

    The kernel can do both in one step, but Python has no call for it, and a temporary hard link
    would look like an attack. So `new` is checked just before the rename; a file that another
    process creates in between is overwritten.

    Raises:
        FileExistsError: `new` exists.
        OSError: `old` is missing, or the kernel refused.
    """
    require_new(new, dir_fd=dst_dir_fd)
    os.rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)


def require_new(name: str, *, dir_fd: int) -> None:
    """Check that the name is free.

    Raises:
        FileExistsError: it is not.
        OSError: the kernel refused.
    """
    try:
        os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
