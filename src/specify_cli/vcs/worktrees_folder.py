"""Open `.worktrees` and the folders in it that only the host enters; no link is followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from specify_cli.files import folders
from specify_cli.vcs.errors import AllocationFailed

MAKING: Final = ".making"
TRASH: Final = ".trash"

_READABLE: Final = 0o755
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """Open `.worktrees`, creating it and its `.gitignore` if they are missing.

    Raises:
        AllocationFailed: it is a link or a file.
        OSError: the disk refused.
    """
    with suppress(FileExistsError):
        folder.mkdir()
    try:
        # The project itself may be reached through links: its path is the operator's choice.
        descriptor = folders.open_folder(folder, below=folder.parent)
    except folders.NotAFolder as error:
        raise AllocationFailed(str(error)) from error
    try:
        _ignore(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_private(folder: Path, *, parent: int) -> Iterator[int]:
    """Open a folder in `.worktrees` that only the host's user may enter, creating it if it is missing.

    Raises:
        AllocationFailed: it is a link or a file.
        OSError: the disk refused.
    """
    with _opened_below(folder, parent=parent) as descriptor:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & _OTHERS:
            os.fchmod(descriptor, mode & ~_OTHERS)
        yield descriptor


@contextmanager
def opened_readable(folder: Path, *, parent: int) -> Iterator[int]:
    """Open a folder in `.worktrees` that others may read, creating it if it is missing.

    Raises:
        AllocationFailed: it is a link or a file.
        OSError: the disk refused.
    """
    with _opened_below(folder, parent=parent) as descriptor:
        os.fchmod(descriptor, _READABLE)
        yield descriptor


@contextmanager
def _opened_below(folder: Path, *, parent: int) -> Iterator[int]:
    folders.make_folder(folder.name, parent=parent, mode=stat.S_IRWXU)
    try:
        descriptor = folders.open_in(folder, parent=parent)
    except folders.NotAFolder as error:
        raise AllocationFailed(str(error)) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _ignore(worktrees: int) -> None:
    """Make the project's repository ignore `.worktrees`, its `.gitignore` included."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with suppress(OSError):  # Without it git lists the folder as untracked; nothing worse.
        file = os.open(".gitignore", flags, 0o644, dir_fd=worktrees)
        try:
            if not os.fstat(file).st_size:  # New, or left empty by a killed host.
                os.write(file, b"*\n")
        finally:
            os.close(file)
