"""Build folders in private before they get their public name by a rename."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli.files.folders import NOT_FOLLOWED
from specify_cli.files.tree_removal import remove_tree
from specify_cli.vcs.git import inheriting
from specify_cli.vcs.worktrees_folder import MAKING, opened_private

_RANDOM: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateFolder:
    """A private folder and its descriptor."""

    path: Path
    descriptor: int


@contextmanager
def private_folder(path: Path, *, parent: int) -> Iterator[PrivateFolder]:
    """Create a private folder to build the one at `path` in, and remove it after the block.

    It is created in `.worktrees/.making`; `parent` is the descriptor of `.worktrees`.

    Folders of killed processes are removed first. The process and each git that it runs hold a lock
    on the folder, so that a git which outlives its killed host is not disturbed.

    Raises:
        AllocationFailed: a link or a file has the name of the host's folder.
        OSError: the disk refused.
    """
    worktrees = path.parent
    with opened_private(worktrees / MAKING, parent=parent) as making:
        _sweep(making)
        name, descriptor = _begin(making, path.name)
        try:
            with inheriting(descriptor):
                yield PrivateFolder(path=worktrees / MAKING / name, descriptor=descriptor)
        finally:
            remove_tree(name, dir_fd=making)
            os.close(descriptor)


def names_in(making: Path) -> Iterator[str]:
    """Yield the names that private folders are being built for."""
    with suppress(FileNotFoundError):
        yield from (name[_RANDOM + 1 :] for name in os.listdir(making))


def _begin(making: int, wanted: str) -> tuple[str, int]:
    while True:
        name = f"{secrets.token_hex(_RANDOM // 2)}-{wanted}"
        os.mkdir(name, stat.S_IRWXU, dir_fd=making)
        with suppress(FileNotFoundError):  # Another process swept it between the calls.
            descriptor = os.open(name, NOT_FOLLOWED, dir_fd=making)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return name, descriptor
            os.close(descriptor)


def _sweep(making: int) -> None:
    for name in os.listdir(making):
        with suppress(OSError):
            descriptor = os.open(name, NOT_FOLLOWED, dir_fd=making)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(name, dir_fd=making)
            finally:
                os.close(descriptor)
