"""What a git that was killed leaves in a repository is taken away, where it can only be ours.

A git that is killed leaves its locks (`index.lock`, `refs/heads/main.lock`) and half-written objects.
Such a lock says nothing about its holder, and the user's own git may hold one for as long as an editor
is open. So a file is removed only when all of this holds:

1. We hold the lock on the repository, and every git of ours keeps the descriptor of that lock open
   (`git.keeping`): the kernel hands the lock out only when the last of them is dead.
2. The mark of the holder before us is there: it was killed, or its git was, while it changed the
   repository. A holder that came to an end has taken its mark away. The mark is synced before the
   first git runs, so that it is there after a power loss too.
3. The file is not older than that mark: what was there before is not of that holder's making.
4. No git of anybody, but for those that only read, is at work in the repository: whoever took a lock
   between that death and now is still alive, or has left it for somebody to look at.

Where the fourth cannot be seen (no /proc) nothing is removed, and git names the lock.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from specify_cli.vcs import durable
from specify_cli.vcs.checkouts import git_dir_of

INITIALIZING: Final = "initializing"
"""Git's own lock on a worktree that `git worktree add` has not finished."""

_MARK: Final = "spec-kitty-at-work"
_PATTERNS: Final = (
    "*.lock",
    "refs/**/*.lock",
    "worktrees/*/*.lock",
    "worktrees/*/refs/**/*.lock",
    "objects/[0-9a-f][0-9a-f]/tmp_obj_*",
    "objects/pack/tmp_*",
)
_READERS: Final = frozenset({"blame", "diff", "grep", "log", "reflog", "shortlog", "show"})
"""They may wait in a pager for hours, and take no lock."""

_PROCESSES: Final = Path("/proc")
_PATIENCE_S: Final = 1.0
"""A git that works by itself holds its locks for milliseconds."""

_POLL_S: Final = 0.01


@contextmanager
def cleared(root: Path) -> Iterator[None]:
    """Nothing that a killed git of ours left is in the way, nor is there anything after the block.

    Call it with the lock on the repository held, around everything that changes it.

    Raises:
        OSError: the disk refused.
    """
    git_dir = git_dir_of(root)
    if git_dir is None:
        yield
        return
    mark = git_dir / _MARK
    if _sweep(root, mark):
        _set(mark)
    try:
        yield
    finally:
        # A git of ours may have been killed, or could not clean up, and we go on: what it held is
        # ours as well. Where that cannot be put right now, the mark tells the next holder.
        with suppress(OSError):
            if _sweep(root, mark):
                mark.unlink(missing_ok=True)


def _set(mark: Path) -> None:
    descriptor = os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    durable.sync_folder(mark.parent)


def _sweep(root: Path, mark: Path) -> bool:
    """Whether nothing is left of the holder that set the mark; True where there is no mark."""
    try:
        since = mark.stat().st_ctime_ns
    except FileNotFoundError:
        return True
    left = list(_left(mark.parent, since))
    if left and not _is_alone(root, mark.parent):
        return False
    for path in left:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return True


def _left(git_dir: Path, since: int) -> Iterator[Path]:
    for pattern in _PATTERNS:
        for path in git_dir.glob(pattern):
            with suppress(FileNotFoundError):
                if path.lstat().st_ctime_ns >= since and path.is_file():
                    yield path
    for folder in git_dir.glob("worktrees/*"):
        with suppress(FileNotFoundError):
            if folder.stat().st_ctime_ns >= since and _is_half_made(folder):
                yield folder


def _is_half_made(registration: Path) -> bool:
    """Whether a `git worktree add` was killed before it was through with this registration.

    It writes `gitdir`, then the link in the new folder, HEAD and `commondir`, and then takes away
    its own lock. Source: builtin/worktree.c. Nothing has been checked out by then.
    """
    with suppress(FileNotFoundError):
        # After a power loss only the beginning of the word may be there.
        word = (registration / "locked").read_bytes().strip(b"\0\n")
        return INITIALIZING.encode().startswith(word) and not (registration / "index").exists()
    return not all(_is_whole(registration / name) for name in ("gitdir", "HEAD", "commondir"))


def _is_whole(file: Path) -> bool:
    """Whether a power loss has spared the file."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return False
    return content.endswith(b"\n") and b"\0" not in content


def _is_alone(root: Path, git_dir: Path) -> bool:
    """Whether no git that may hold a lock is at work here, after waiting for it."""
    places = [root, git_dir, *_linked(git_dir)]
    deadline = time.monotonic() + _PATIENCE_S
    while _is_busy(places):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _linked(git_dir: Path) -> Iterator[Path]:
    for link in git_dir.glob("worktrees/*/gitdir"):
        with suppress(OSError):
            yield Path(os.fsdecode(link.read_bytes()).strip()).parent


def _is_busy(places: list[Path]) -> bool:
    try:
        processes = [entry for entry in _PROCESSES.iterdir() if entry.name.isdigit()]
    except OSError:
        return True
    return not processes or any(_may_hold(process, places) for process in processes)


def _may_hold(process: Path, places: list[Path]) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        program = os.fsdecode(words[0]).rpartition("/")[2]
        if not program.startswith("git") or _only_reads(words[1:]):
            return False
        here = (process / "cwd").readlink()
    except PermissionError:
        return True  # Somebody else's git, and who knows where.
    except OSError:
        return False  # It has ended.
    return any(here.is_relative_to(place) for place in places)


def _only_reads(words: list[bytes]) -> bool:
    command = next((word for word in words if not word.startswith(b"-")), b"")
    return os.fsdecode(command) in _READERS
