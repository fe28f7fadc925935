"""Examine the files of a workspace's repository without following a link."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import nsmallest
from pathlib import Path
from typing import Final

from specify_cli.patterns import pattern

MOST_TOLD: Final = 100
"""The most irregular files that are returned for each folder; messages show fewer."""

_READ: Final = ("HEAD", "config", "config.worktree", "packed-refs", "shallow", "info/attributes")
"""Files of a repository that upload-pack reads."""

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TIP: Final = pattern(rb"([0-9a-f]{40}|[0-9a-f]{64})\n")
_PACKED: Final = rb"^([0-9a-f]{40}|[0-9a-f]{64}) refs/heads/%s$"
_MOST_READ: Final = 1024
_MOST_PACKED: Final = 1024 * 1024

_LOOKS_PER_CLOCK: Final = 1000
_READ_WHOLE: Final = ("objects", "refs", "reftable")
_ELSEWHERE: Final = ("commondir", "objects/info/alternates", "objects/info/http-alternates")
"""Files by which a repository uses parts of another one."""


def irregular_files(workspace: Path, *, is_shared: bool, seconds: float) -> list[Path]:
    """Return the links, FIFOs and the like where upload-pack expects files and folders.

    At most `MOST_TOLD` of each folder, the first by name. With `is_shared`, the workspace may
    borrow objects.

    Raises:
        TimeoutError: the search takes longer than `seconds`.
    """
    git_dir = workspace / ".git"
    found = [it for it in (workspace, git_dir) if not _is(it, stat.S_ISDIR)]
    if found:
        return found
    deadline = time.monotonic() + seconds
    elsewhere = [
        git_dir / name
        for name in _ELSEWHERE
        if os.path.lexists(git_dir / name) and not (is_shared and name.endswith("/alternates"))
    ]
    return [*_odd_files(git_dir, deadline), *elsewhere]


def _odd_files(git_dir: Path, deadline: float) -> Iterator[Path]:
    """Yield links, FIFOs and the like in what upload-pack reads: it would follow them, or wait."""
    for name in _READ:
        if os.path.lexists(git_dir / name) and not _is(git_dir / name, stat.S_ISREG):
            yield git_dir / name
    for name in _READ_WHOLE:
        if _is(git_dir / name, stat.S_ISDIR):
            found = _odd_below(git_dir / name, deadline)
            yield from map(Path, nsmallest(MOST_TOLD, found))
        elif os.path.lexists(git_dir / name):
            yield git_dir / name


def _odd_below(folder: Path, deadline: float) -> Iterator[str]:
    """Yield the irregular files below a folder; without recursion, since folders may be nested very deep.

    Names are read one by one, since a folder may hold any number of them.
    """
    unvisited = [str(folder)]
    while unvisited:
        parent = unvisited.pop()
        _require_time(deadline)
        try:
            with os.scandir(parent) as found:
                for entry in _until(deadline, found):
                    if entry.is_dir(follow_symlinks=False):
                        unvisited.append(entry.path)
                    elif not entry.is_file(follow_symlinks=False):
                        yield entry.path
        except TimeoutError:
            raise
        except PermissionError:  # Git cannot read it either, and says so.
            continue
        except OSError:  # For example, its path is too long.
            yield parent


def _until(deadline: float, found: Iterable[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
    for number, entry in enumerate(found, start=1):
        if number % _LOOKS_PER_CLOCK == 0:
            _require_time(deadline)
        yield entry


def _require_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError("it has too many files to check")


def _is(path: Path, is_kind: Callable[[int], bool]) -> bool:
    try:
        return is_kind(path.lstat().st_mode)
    except OSError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchSnapshot:
    """The state of a workspace's branch, read without git; equal snapshots mean that it did not move.

    Attributes:
        tip: The commit in the file of the branch; None where there is no such file.
        packed: The identity of the `packed-refs` file, where `tip` is None.
    """

    tip: str | None
    packed: tuple[int, int, int] | None = None


def branch_snapshot(workspace: Path, branch: str) -> BranchSnapshot:
    """Read the state of the branch; follows no link, waits for nothing, starts no git."""
    loose = _TIP.fullmatch(_content(workspace, ".git", "refs", "heads", *branch.split("/")))
    if loose:
        return BranchSnapshot(tip=loose[1].decode("ascii"))
    try:
        with _opened(workspace, ".git", "packed-refs") as descriptor:
            found = os.fstat(descriptor)
    except OSError:
        return BranchSnapshot(tip=None)
    return BranchSnapshot(tip=None, packed=(found.st_ino, found.st_mtime_ns, found.st_size))


def reported_tip(folder: Path, branch: str, *, is_bare: bool = False) -> str | None:
    """Return the commit of the branch as the repository's files state it, packed or not; None where they do not.

    No link is followed and no FIFO is waited for. The answer is not proof: an agent can write these
    files.
    """
    git_dir = () if is_bare else (".git",)
    content = _content(folder, *git_dir, "refs", "heads", *branch.split("/"))
    if content:  # A loose ref overrides a packed one.
        loose = _TIP.fullmatch(content)
        return loose[1].decode("ascii") if loose else None
    packed = _content(folder, *git_dir, "packed-refs", most=_MOST_PACKED)
    found = re.search(_PACKED % re.escape(branch.encode()), packed, re.MULTILINE)
    return found[1].decode("ascii") if found else None


def has_alternates(workspace: Path) -> bool:
    """Return whether the workspace's repository names other object folders."""
    return bool(_content(workspace, ".git", "objects", "info", "alternates", most=1))


def has_checked_out(workspace: Path, branch: str) -> bool:
    """Return whether HEAD of the workspace names the branch."""
    return _content(workspace, ".git", "HEAD") == f"ref: refs/heads/{branch}\n".encode()


def _content(workspace: Path, *parts: str, most: int = _MOST_READ) -> bytes:
    """Return the beginning of a file below the workspace; empty where it is not a regular file."""
    try:
        with _opened(workspace, *parts) as descriptor:
            is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            return os.read(descriptor, most) if is_regular else b""
    except OSError:
        return b""


@contextmanager
def _opened(workspace: Path, *parts: str) -> Iterator[int]:
    """Open an entry below the workspace without following a link."""
    descriptor = os.open(workspace, _FOLDER)
    try:
        for part in parts:
            inner = os.open(part, _FILE, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)
