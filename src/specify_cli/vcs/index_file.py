"""Change the index of a checkout under a lock whose content proves that the host holds it.

Git works on a copy of the index, which then replaces the real one. So the host creates the lock
itself, and a link in place of the index is not followed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from specify_cli.files.atomic import replace_file
from specify_cli.files.regular_files import read_file
from specify_cli.vcs import lock_ownership
from specify_cli.vcs.git import Git, GitFailed, GitResult
from specify_cli.vcs.objects import scratch_index

PATIENCE_S: Final = 1.0
"""Editors refresh the index every few seconds and hold its lock for milliseconds."""

DRAFT: Final = "spec-kitty-index"
"""The next index of a checkout, in its git folder."""

FORMER: Final = "spec-kitty-index-before"
"""A copy of the index from before the current change, in the git folder."""

_HOLD: Final = ("update-index", "-z", "--index-info")
_POLL_S: Final = 0.01
_MOST_BYTES: Final = 4 * 1024**3

_Version = tuple[int, ...]


def changed_by(
    git: Git, git_dir: Path, *args: str, fine: tuple[int, ...], env: Mapping[str, str]
) -> GitResult:
    """Run git with these arguments on a copy of the index, and put the copy in its place.

    Raises:
        GitFailed: its status is not `fine`, the lock stayed taken, or the disk refused.
    """
    try:
        with _locked(git_dir / "index.lock"), scratch_index() as location:
            ours = Path(location["GIT_INDEX_FILE"])
            before = _copied(git_dir / "index", ours)
            done = git.run(*args, env={**env, **location}, check=False)
            if done.returncode in fine and _version(ours) != before:
                _take_the_place(git_dir, ours)
    except OSError as error:
        raise GitFailed(args, returncode=-1, stderr=str(error)) from error
    if done.returncode not in fine:
        raise GitFailed(args, returncode=done.returncode, stderr=done.stderr)
    return done


def hold(git: Git, git_dir: Path, info: bytes) -> None:
    """Put entries into the index as `holding` does, and leave them there.

    Raises:
        GitFailed: the lock stayed taken, or git or the disk refused.
    """
    try:
        with holding(git, git_dir, info):
            pass
    except OSError as error:
        raise GitFailed(_HOLD, returncode=-1, stderr=str(error)) from error


@contextmanager
def holding(git: Git, git_dir: Path, info: bytes) -> Iterator[Callable[[], object]]:
    """Put the entries of `info` into the index in `git_dir`; no file of the working tree is opened.

    Git would read files again that changed in the instant in which the index was written, and run
    their filters. It runs in an empty working tree, where it finds none. The index keeps its date,
    so that the next git command reads them.

    The index stays locked during the block. Yields a function that restores the former index; it
    needs no space on the disk.

    Raises:
        GitFailed: the lock stayed taken, or git refused.
        OSError: the disk refused.
    """
    with (
        _locked(git_dir / "index.lock"),
        scratch_index() as env,
        tempfile.TemporaryDirectory(prefix="spec-kitty-") as empty,
    ):
        ours = Path(env["GIT_INDEX_FILE"])
        index, former = git_dir / "index", git_dir / FORMER
        before = _copied(index, ours)
        if before:
            _write_like(former, ours, index=index)
        location = {"GIT_DIR": os.path.realpath(git_dir), "GIT_WORK_TREE": empty}
        # Git does not change into the working tree for this command, so it is started there.
        replace(git, folder=Path(empty)).run(*_HOLD, input=info, env={**env, **location})
        if before:
            os.utime(ours, ns=(before[1], before[1]))
        _take_the_place(git_dir, ours)
        try:
            yield lambda: former.replace(index) if before else index.unlink()
        finally:
            with suppress(OSError):  # `stale_locks` removes it later.
                former.unlink(missing_ok=True)


def stale(lock: Path) -> str:
    """Describe how to remove a lock that has no known holder."""
    return f"{lock} exists; once no git process runs there: rm -f {shlex.quote(str(lock))}"


@contextmanager
def _locked(lock: Path) -> Iterator[None]:
    deadline = time.monotonic() + PATIENCE_S
    while not _is_taken(lock):
        if time.monotonic() > deadline:
            raise GitFailed(("update-index",), returncode=-1, stderr=stale(lock))
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _is_taken(lock: Path) -> bool:
    try:
        lock_ownership.make_lock(lock)
    except FileExistsError:
        return False
    return True


def _copied(index: Path, ours: Path) -> _Version:
    """Copy the index with its date, by which git detects changes; return the version of the copy."""
    with suppress(FileNotFoundError):
        date = index.lstat().st_mtime_ns
        ours.write_bytes(read_file(index, max_bytes=_MOST_BYTES))
        os.utime(ours, ns=(date, date))
    return _version(ours)


def _take_the_place(git_dir: Path, ours: Path) -> None:
    draft = git_dir / DRAFT
    _write_like(draft, ours, index=git_dir / "index")
    draft.replace(git_dir / "index")


def _write_like(path: Path, ours: Path, *, index: Path) -> None:
    """Write a file with the content and date of `ours`, and the mode and owner of the index."""
    replace_file(path, ours.read_bytes())
    shutil.copystat(ours, path)
    with suppress(FileNotFoundError):
        there = index.stat()
        path.chmod(stat.S_IMODE(there.st_mode))
        if os.geteuid() == 0:
            os.chown(path, there.st_uid, there.st_gid)


def _version(file: Path) -> _Version:
    try:
        found = file.stat()
    except FileNotFoundError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size
