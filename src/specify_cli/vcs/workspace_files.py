"""What is in the place of the files of a workspace's repository."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_READ: Final = ("HEAD", "config", "config.worktree", "packed-refs", "shallow", "info/attributes")
"""Files of a repository that upload-pack reads."""

_READ_WHOLE: Final = ("objects", "refs", "reftable")
_ELSEWHERE: Final = ("commondir", "objects/info/alternates", "objects/info/http-alternates")
"""Files by which a repository is in part another one."""


def odd_files(workspace: Path, *, is_shared: bool, seconds: float) -> list[Path]:
    """What upload-pack would follow elsewhere or wait for, in the place of what it reads.

    Objects may be another repository's where the workspace `is_shared`.

    Raises:
        TimeoutError: there are so many files that to look takes longer.
    """
    git_dir = workspace / ".git"
    found = [it for it in (workspace, git_dir) if not _is(it, stat.S_ISDIR)]
    if found:
        return found
    deadline = time.monotonic() + seconds
    return [*_odd_files(git_dir, deadline), *_elsewhere(git_dir, is_shared=is_shared)]


def _odd_files(git_dir: Path, deadline: float) -> Iterator[Path]:
    """Links, FIFOs and the like where upload-pack reads: it would follow them, or wait."""
    for name in _READ:
        if os.path.lexists(git_dir / name) and not _is(git_dir / name, stat.S_ISREG):
            yield git_dir / name
    for name in _READ_WHOLE:
        if _is(git_dir / name, stat.S_ISDIR):
            yield from _odd_below(git_dir / name, deadline)
        elif os.path.lexists(git_dir / name):
            yield git_dir / name


def _odd_below(folder: Path, deadline: float) -> Iterator[Path]:
    """Without recursion: folders may be deeper in one another than Python's stack."""
    waiting = [str(folder)]
    while waiting:
        if time.monotonic() > deadline:
            raise TimeoutError
        parent = waiting.pop()
        try:
            with os.scandir(parent) as found:
                entries = list(found)
        except PermissionError:  # Git cannot read it either, and says so.
            continue
        except OSError:  # Its path is too long, for one.
            yield Path(parent)
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif not entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


def _elsewhere(git_dir: Path, *, is_shared: bool) -> Iterator[Path]:
    for name in _ELSEWHERE:
        if os.path.lexists(git_dir / name) and not (is_shared and name.endswith("/alternates")):
            yield git_dir / name


def _is(path: Path, is_kind: Callable[[int], bool]) -> bool:
    try:
        return is_kind(path.lstat().st_mode)
    except OSError:
        return False
