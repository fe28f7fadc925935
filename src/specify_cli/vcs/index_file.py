"""Changes the index of a checkout under a lock that proves whose it is.

Git is given an index of its own, which then takes the place of the real one: so the host makes the lock
itself, and nobody's link in the place of the index leads anywhere.
"""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from specify_cli.vcs import marks, plain_files
from specify_cli.vcs.git import Completed, Git, GitFailed
from specify_cli.vcs.objects import scratch_index

PATIENCE_S: Final = 1.0
"""Editors refresh the index every few seconds and hold its lock for milliseconds."""

DRAFT: Final = "spec-kitty-index"
"""What is about to become the index of a checkout, in its git folder."""

_POLL_S: Final = 0.01
_MOST_BYTES: Final = 4 * 1024**3

_Version = tuple[int, ...]


def changed_by(
    git: Git, git_dir: Path, *args: str, input: bytes | None, fine: tuple[int, ...]
) -> Completed:
    """Git has run with these arguments, and the index in `git_dir` is what git has made of it.

    Raises:
        GitFailed: its status is not `fine`, the lock stayed taken, or the disk refused.
    """
    try:
        with _locked(git_dir / "index.lock"), scratch_index() as env:
            ours = Path(env["GIT_INDEX_FILE"])
            before = _copied(git_dir / "index", ours)
            done = git.run(*args, input=input, env=env, check=False)
            if done.returncode in fine and _version(ours) != before:
                draft = git_dir / DRAFT
                plain_files.replace(draft, ours.read_bytes())
                shutil.copystat(ours, draft)
                draft.replace(git_dir / "index")
    except OSError as error:
        raise GitFailed(args, returncode=-1, stderr=str(error)) from error
    if done.returncode not in fine:
        raise GitFailed(args, returncode=done.returncode, stderr=done.stderr)
    return done


def stale(lock: Path) -> str:
    """What to do about a lock that nobody is known to hold."""
    return f"{lock} exists; once no git is at work there: rm -f {shlex.quote(str(lock))}"


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
        marks.make_lock(lock)
    except FileExistsError:
        return False
    return True


def _copied(index: Path, ours: Path) -> _Version:
    """The version of the copy; its date too, by which git knows what may have changed since."""
    with suppress(FileNotFoundError):
        date = index.lstat().st_mtime_ns
        ours.write_bytes(plain_files.read(index, max_bytes=_MOST_BYTES))
        os.utime(ours, ns=(date, date))
    return _version(ours)


def _version(file: Path) -> _Version:
    try:
        found = file.stat()
    except FileNotFoundError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size
