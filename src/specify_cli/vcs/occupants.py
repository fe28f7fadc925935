"""Which processes stand in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from specify_cli.vcs.host_folders import Identity

_PROC: Final = Path("/proc")
_DEEPEST: Final = 200


def occupants(folder: Identity) -> list[int]:
    """The processes whose current folder is that one or below it, as far as the caller may see them.

    Its own process counts. A bind mount of the folder is the folder itself. Empty where there is no `/proc`.
    """
    return sorted(pid for pid in _pids() if _stands_in(pid, folder))


def _pids() -> Iterator[int]:
    names = os.listdir(_PROC) if _PROC.is_dir() else []
    return (int(name) for name in names if name.isdecimal())


def _stands_in(pid: int, folder: Identity) -> bool:
    """Whether the folder is the current one of the process or above it.

    By identity: the name that the kernel tells may be that of another mount.
    """
    path = f"{_PROC}/{pid}/cwd/."
    last = None
    for _ in range(_DEEPEST):
        try:
            here = Identity.of(os.stat(path))  # Not by pathlib, which would drop the dot.
        except OSError:
            return False  # It has ended, or is another user's.
        if here in (folder, last):
            return here == folder
        last, path = here, f"{path}/.."
    return False
