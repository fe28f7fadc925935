"""Find the processes whose working directory is in a folder."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

from specify_cli.files.identity import Identity
from specify_cli.files.mounts import mount_of
from specify_cli.patterns import pattern

MOST_TOLD: Final = 10
"""The most processes that are returned."""

_PROC: Final = Path("/proc")
_FOLDER: Final = os.O_DIRECTORY | os.O_CLOEXEC | getattr(os, "O_PATH", 0)
_LONGEST_S: Final = 2.0
_MOST_READ: Final = 4096
_USER: Final = pattern(rb"^Uid:\t(\d+)", re.MULTILINE)
"""The real user: a setuid program run by a user is that user's."""


def processes_in(folder: Identity, *, owner: int) -> list[int]:
    """Return up to ten processes whose working directory is the folder or below it, as far as the caller may see them.

    Only processes of root, of the caller's user and of `owner`, the owner of the folder, count; the
    caller's own process does too. A bind mount of the folder counts as the folder. Empty where
    there is no `/proc`; the search ends after two seconds.
    """
    look = _ProcessSearch(folder)
    pids = look.processes_of(frozenset({0, os.getuid(), owner}))
    return sorted(islice(filter(look.finds, pids), MOST_TOLD))


class _ProcessSearch:
    """A search of all processes with a time limit."""

    def __init__(self, folder: Identity) -> None:
        self._folder = folder
        self._deadline = time.monotonic() + _LONGEST_S
        self._elsewhere: set[tuple[Identity, bytes]] = set()

    def processes_of(self, users: frozenset[int]) -> Iterator[int]:
        """Yield the processes of those users."""
        names = os.listdir(_PROC) if _PROC.is_dir() else []
        for name in filter(str.isdecimal, names):
            if self._is_over():
                return
            if _user(name) in users:
                yield int(name)

    def finds(self, pid: int) -> bool:
        """Return whether the folder is the working directory of the process or above it.

        Compares identities, since the path that the kernel reports may be of another mount. Folders
        that were searched once are not searched again.
        """
        start = None
        try:
            with closing(_upwards(pid)) as folders:
                for descriptor, found in folders:
                    if found == self._folder:
                        return True
                    start = start or (found, mount_of(descriptor))
                    if start in self._elsewhere or self._is_over():
                        return False
        except OSError:
            return False  # It has ended, or belongs to another user.
        if start:
            self._elsewhere.add(start)
        return False

    def _is_over(self) -> bool:
        return time.monotonic() > self._deadline


def _upwards(pid: int) -> Generator[tuple[int, Identity]]:
    """Yield the working directory of a process and those above it, each open until the next one."""
    here = os.open(f"{_PROC}/{pid}/cwd", _FOLDER)
    try:
        found = Identity.of(os.fstat(here))
        while True:
            yield here, found
            here, below = os.open("..", _FOLDER, dir_fd=here), here
            try:
                last, found = found, Identity.of(os.fstat(here))
                # Only the root is its own parent; a folder bound into itself is in another mount.
                if found == last and mount_of(here) == mount_of(below):
                    return
            finally:
                os.close(below)
    finally:
        os.close(here)


def _user(pid: str) -> int | None:
    """Return the real user of a process; None where it has ended."""
    try:
        status = os.open(f"{_PROC}/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)
        try:
            found = _USER.search(os.read(status, _MOST_READ))
        finally:
            os.close(status)
    except OSError:
        return None
    return int(found[1]) if found else None
