"""Remove folder trees filled by others: follow no link, stop at no depth or mode."""

from __future__ import annotations

import errno
import math
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from specify_cli.errors import StorageFailed
from specify_cli.files.atomic import translated
from specify_cli.files.folders import NOT_FOLLOWED, opened
from specify_cli.files.mounts import mount_of

MOST_ENTRIES: Final = 10_000_000
"""The default number of entries removed by one call, in case others keep writing into the tree."""

_IN_USE: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST})
_EXCHANGED: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_OWNER: Final = stat.S_IRWXU


PATIENCE: Final = 100
"""How often `remove_path` continues after others wrote into the tree."""


class Budget:
    """The number of entries that may still be removed, and of writes by others that are tolerated."""

    def __init__(self, entries: int = MOST_ENTRIES, *, patience: float = math.inf) -> None:
        self.left = entries
        self._patience = patience

    def spend(self) -> bool:
        """Count one entry; return whether the budget covers it."""
        self.left -= 1
        return self.left >= 0

    def tolerate(self) -> bool:
        """Count one write by others; return whether the budget covers it."""
        self._patience -= 1
        return self._patience >= 0


def remove_path(path: Path, *, below: Path | None = None) -> None:
    """Remove the entry at `path` durably, with everything below it.

    With `below`, no link between that folder and the entry is followed.

    Raises:
        StorageFailed: the disk refused, the tree is too large, or others keep writing into it.
    """
    budget = Budget(MOST_ENTRIES, patience=PATIENCE)
    with opened(path.parent, below=below or path.parent) as parent, translated(path, "remove"):
        while True:
            try:
                is_gone = remove_tree(path.name, dir_fd=parent, budget=budget)
            except OSError as error:
                if error.errno not in _IN_USE | _EXCHANGED:
                    raise
                if budget.tolerate():
                    continue
                is_gone = False
            if is_gone:
                break
            raise StorageFailed(
                f"could not remove all of {path}: it is too large, or somebody still writes into it;"
                " stop that, then try again"
            )
        os.fsync(parent)


def remove_tree(name: str, *, dir_fd: int, budget: Budget | None = None) -> bool:
    """Remove the entry `name` with everything below it; return False where the budget ended first.

    The content of an inner folder is moved up before that folder is removed. So only two folders
    are open at a time and every path is one name, at any depth. Another call continues with what is
    left.

    Raises:
        OSError: the disk refused, or something is mounted there, which is not touched.
    """
    budget = budget or Budget()
    if _is_unlinked(name, dir_fd):
        return True
    try:
        top = _open_folder(name, dir_fd)
    except FileNotFoundError:
        return True
    try:
        is_empty = False
        while not is_empty:
            is_empty = True
            with os.scandir(top) as found:  # Read no more names than the budget allows.
                for entry in found:
                    is_empty = False
                    if not _is_removed(entry.name, top, budget):
                        return False
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=dir_fd)
    return True


def _is_removed(name: str, top: int, budget: Budget) -> bool:
    """Remove one entry, lifting what it holds to `top`; return False where the budget ended.

    The next round handles what another process exchanged or wrote meanwhile.
    """
    if not budget.spend():
        return False
    try:
        if _is_unlinked(name, top):
            return True
        if not _is_emptied(name, top, budget):
            return False
        os.rmdir(name, dir_fd=top)
    except OSError as error:
        if error.errno not in _IN_USE | _EXCHANGED:
            raise
        return budget.tolerate()
    return True


def _is_emptied(name: str, top: int, budget: Budget) -> bool:
    inner = _open_folder(name, top)
    try:
        with os.scandir(inner) as found:
            for child in found:
                if not budget.spend():
                    return False
                if not _is_unlinked(child.name, inner):
                    _lift(child.name, inner, top)
    finally:
        os.close(inner)
    return True


def _lift(child: str, inner: int, top: int) -> None:
    try:
        os.rmdir(child, dir_fd=inner)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise _mounted(child, inner) from error
        if error.errno not in _IN_USE:
            raise
    else:
        return
    # A folder can be moved to another parent only where its owner may write in it.
    os.close(_open_folder(child, inner))
    os.rename(child, secrets.token_hex(16), src_dir_fd=inner, dst_dir_fd=top)


def _open_folder(name: str, dir_fd: int) -> int:
    """Open a folder, giving its owner read and write permission."""
    try:
        descriptor = os.open(name, NOT_FOLLOWED, dir_fd=dir_fd)
    except PermissionError:
        _give_to_owner(name, dir_fd)
        descriptor = os.open(name, NOT_FOLLOWED, dir_fd=dir_fd)
    try:
        _require_same_mount(descriptor, name, dir_fd)
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & _OWNER != _OWNER:
            os.fchmod(descriptor, _OWNER)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _give_to_owner(name: str, dir_fd: int) -> None:
    """Let the owner of a folder open it; Python has no other chmod that does not follow a link."""
    descriptor = os.open(name, NOT_FOLLOWED | getattr(os, "O_PATH", 0), dir_fd=dir_fd)
    try:
        _require_same_mount(descriptor, name, dir_fd)
        os.chmod(f"/proc/self/fd/{descriptor}", _OWNER)
    finally:
        os.close(descriptor)


def _require_same_mount(descriptor: int, name: str, dir_fd: int) -> None:
    """Refuse a folder that is on another mount than its parent."""
    if mount_of(descriptor) != mount_of(dir_fd):
        raise _mounted(name, dir_fd)


def _mounted(name: str, folder: int) -> OSError:
    """Return the error for a mount point, with its current path: the folders above may be removed already."""
    path = name
    with suppress(OSError):
        path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)
    return OSError(errno.EBUSY, "a file system is mounted there; unmount it first (umount)", path)


def _is_unlinked(name: str, folder: int) -> bool:
    """Unlink the entry; return False where it is a folder."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise _mounted(name, folder) from error
        if error.errno == errno.EISDIR:
            return False
        # POSIX has EPERM for a folder, but it may also mean what it says.
        is_folder = error.errno == errno.EPERM and stat.S_ISDIR(
            os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        )
        if is_folder:
            return False
        raise
    return True
