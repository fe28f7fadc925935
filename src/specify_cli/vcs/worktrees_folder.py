"""The folders below `.worktrees` that the host alone enters, opened without following a link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from specify_cli.vcs.errors import AllocationFailed

MAKING: Final = ".making"
TRASH: Final = ".trash"

_FOLLOWED: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
FOLDER: Final = _FOLLOWED | os.O_NOFOLLOW
"""How a folder is opened that somebody else may exchange for a link."""

_NOT_A_FOLDER: Final = frozenset({errno.ELOOP, errno.ENOTDIR})
_READABLE: Final = 0o755
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """The descriptor of `.worktrees`; it is there, ignored by the project, and not a link.

    Raises:
        AllocationFailed: a link or a file has its name.
        OSError: the disk refused.
    """
    with suppress(FileExistsError):
        folder.mkdir()
    descriptor = _open(folder.name, folder)
    try:
        _ignore(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_private(folder: Path, *, parent: int) -> Iterator[int]:
    """The descriptor of a folder of the host in `.worktrees`, which nobody else may enter.

    Raises:
        AllocationFailed: a link or a file has its name.
        OSError: the disk refused.
    """
    with _opened_below(folder, parent=parent) as descriptor:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & _OTHERS:
            os.fchmod(descriptor, mode & ~_OTHERS)
        yield descriptor


@contextmanager
def opened_readable(folder: Path, *, parent: int) -> Iterator[int]:
    """As `opened_private`, but others may read there.

    Raises:
        AllocationFailed: a link or a file has its name.
        OSError: the disk refused.
    """
    with _opened_below(folder, parent=parent) as descriptor:
        os.fchmod(descriptor, _READABLE)
        yield descriptor


@contextmanager
def _opened_below(folder: Path, *, parent: int) -> Iterator[int]:
    with suppress(FileExistsError):
        os.mkdir(folder.name, stat.S_IRWXU, dir_fd=parent)
        # What is moved into it must not be lost with it when the power goes.
        os.fsync(parent)
    descriptor = _open(folder.name, folder, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open(name: str, path: Path, *, dir_fd: int | None = None) -> int:
    try:
        if dir_fd is not None:
            return os.open(name, FOLDER, dir_fd=dir_fd)
        # The project itself may be reached through links: its path is the operator's.
        parent = os.open(path.parent, _FOLLOWED)
        try:
            return os.open(name, FOLDER, dir_fd=parent)
        finally:
            os.close(parent)
    except OSError as error:
        if error.errno not in _NOT_A_FOLDER:
            raise
        text = f"{path} is not a folder of its own; move it away, then try again"
        raise AllocationFailed(text) from error


def _ignore(worktrees: int) -> None:
    """The repository around `.worktrees` ignores it, itself included."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with suppress(OSError):  # Then git lists the folder as untracked, and nothing worse.
        file = os.open(".gitignore", flags, 0o644, dir_fd=worktrees)
        try:
            if not os.fstat(file).st_size:  # New, or left so by a killed host.
                os.write(file, b"*\n")
        finally:
            os.close(file)
