"""Move files and folders, also to another file system."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Final

from specify_cli.files.folders import NOT_FOLLOWED
from specify_cli.files.regular_files import opened_plain

_DEEPEST: Final = 200
"""The deepest folder that is copied; each level has two open descriptors."""

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def move(name: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
    """Move the entry `name` to `new`; no link is followed.

    To another file system it is copied durably under a temporary name, then renamed, then removed
    here. A process killed before the rename leaves the source as it was; killed during the removal,
    it leaves both. The caller keeps other processes away from both.

    Raises:
        OSError: the disk refused; the source is unchanged, or complete in both places.
    """
    try:
        os.rename(name, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy(name, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        _remove(name, src_dir_fd)
        os.fsync(src_dir_fd)


def copy(name: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
    """Copy the entry `name` durably to the free name `new`.

    Raises:
        OSError: the disk refused; `new` does not exist.
    """
    draft = f".{new.lstrip('.')}.moved.tmp"
    _remove(draft, dst_dir_fd)
    try:
        _copy(name, draft, (src_dir_fd, dst_dir_fd), depth=0)
        os.rename(draft, new, src_dir_fd=dst_dir_fd, dst_dir_fd=dst_dir_fd)
    except BaseException:
        with contextlib.suppress(OSError):
            _remove(draft, dst_dir_fd)
        raise
    os.fsync(dst_dir_fd)


def _copy(name: str, new: str, folders: tuple[int, int], *, depth: int) -> None:
    here, there = folders
    status = os.stat(name, dir_fd=here, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(name, dir_fd=here), new, dir_fd=there)
    elif stat.S_ISDIR(status.st_mode):
        _copy_folder(name, new, folders, depth=depth)
    elif stat.S_ISREG(status.st_mode):
        import shutil

        with (
            opened_plain(name, folder=here, flags=os.O_RDONLY) as source,
            os.fdopen(os.open(new, _NEW, 0o600, dir_fd=there), "wb") as target,
        ):
            shutil.copyfileobj(source, target)
            target.flush()
            _make_alike(target.fileno(), status)
            os.fsync(target.fileno())
    else:
        os.mknod(new, status.st_mode, status.st_rdev, dir_fd=there)


def _copy_folder(name: str, new: str, folders: tuple[int, int], *, depth: int) -> None:
    here, there = folders
    if depth >= _DEEPEST:
        raise OSError(errno.ENAMETOOLONG, "its folders are nested too deep to be copied")
    os.mkdir(new, 0o700, dir_fd=there)
    source = os.open(name, NOT_FOLLOWED, dir_fd=here)
    try:
        target = os.open(new, NOT_FOLLOWED, dir_fd=there)
        try:
            for inner in os.listdir(source):  # noqa: PTH208  it is a descriptor
                _copy(inner, inner, (source, target), depth=depth + 1)
            _make_alike(target, os.fstat(source))
            os.fsync(target)
        finally:
            os.close(target)
    finally:
        os.close(source)


def _make_alike(descriptor: int, status: os.stat_result) -> None:
    """Copy mode and times, and the owner where that is allowed."""
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
    os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))


def _remove(name: str, folder: int) -> None:
    import shutil

    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            shutil.rmtree(name, dir_fd=folder)
        else:
            os.unlink(name, dir_fd=folder)
