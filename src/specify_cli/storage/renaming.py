"""A thing gets a new name that nothing else has."""

from __future__ import annotations

import errno
import os


def rename_new(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
    """The thing is called `new` there, and nothing that was seen under the name was replaced.

    The kernel can do both in one step, but Python cannot ask for it, and a link beside the thing would
    be taken for somebody's trick. So it is looked up just before: whoever writes under that name in
    between would have been replaced by any second writer of the same name.
    Raises: FileExistsError; FileNotFoundError; other OSError when the kernel refused.
    """
    require_new(new, dir_fd=dst_dir_fd)
    os.rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)


def require_new(name: str, *, dir_fd: int) -> None:
    """Nothing has that name there.

    Raises: FileExistsError; other OSError when the kernel refused.
    """
    try:
        os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
