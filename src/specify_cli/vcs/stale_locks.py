"""Remove what a killed git left in a repository, where the host can prove that it was its own.

A git that is killed by SIGKILL leaves its locks (`index.lock`, `refs/heads/main.lock`). Such a lock
does not name its holder. The user's own git may hold one while an editor is open, and in another
container, where its processes are invisible: neither age nor a list of processes proves that a lock
is stale. So a file is removed only where the marker (`lock_ownership`) of a killed holder proves
that it is the host's:

- `index.lock`: the host creates it as a hard link to the marker, before git writes a copy of the
index.
- the lock of a ref: the marker names the ref, and the lock holds the commit that the marker names.

Other locks stay: `HEAD.lock`, and a lock that git had not written yet. Git names such a lock when
it fails, and `git.Git.run` adds the command that removes it. Half-written objects stay too; `git
gc` removes them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from specify_cli.files.regular_files import read_file
from specify_cli.vcs import lock_ownership
from specify_cli.vcs.checkouts import git_dir_of
from specify_cli.vcs.index_file import DRAFT, FORMER
from specify_cli.vcs.lock_ownership import Marker


@contextmanager
def without_stale_locks(root: Path) -> Iterator[None]:
    """Remove what a killed git of the host left, before and after the block.

    The caller holds the lock of the repository; use it around everything that changes the
    repository.

    Raises:
        OSError: the disk refused.
    """
    git_dir = git_dir_of(root)
    if git_dir is None:
        yield
        return
    _sweep(git_dir)
    with lock_ownership.marked(git_dir):
        try:
            yield
        finally:
            # A git may have been killed at its deadline. Where its lock cannot be removed now, the
            # marker stays for the next holder.
            with suppress(OSError):
                _sweep(git_dir)
                (git_dir / lock_ownership.MARKER_NAME).unlink(missing_ok=True)


def _sweep(git_dir: Path) -> None:
    """Remove everything that is known to belong to the holder that wrote the marker."""
    marker = lock_ownership.read(git_dir)
    if marker is None:
        return
    for folder in (git_dir, *_registrations(git_dir)):
        if marker.proves(_content(folder / "index.lock")):
            (folder / "index.lock").unlink(missing_ok=True)
        for name in (DRAFT, FORMER):
            if os.path.lexists(folder / name):
                (folder / name).unlink(missing_ok=True)
    for lock in _locks_of_refs(git_dir, marker):
        lock.unlink(missing_ok=True)


def _registrations(git_dir: Path) -> list[Path]:
    """Return the folders of the worktrees' registrations that are not links."""
    found = git_dir / "worktrees"
    if found.is_symlink():
        return []
    return [it for it in found.glob("*") if it.is_dir() and not it.is_symlink()]


def _locks_of_refs(git_dir: Path, marker: Marker) -> Iterator[Path]:
    real = os.path.realpath(git_dir)
    for ref, commit in marker.refs:
        lock = Path(real, f"{ref}.lock")
        is_within = os.path.realpath(lock.parent) == str(lock.parent)
        # Git writes the newline by itself, and may have been killed before.
        if is_within and _content(lock).removesuffix(b"\n") == commit.encode("ascii"):
            yield lock


def _content(file: Path) -> bytes:
    """Return the content of a regular file; empty where it is missing or of another type."""
    try:
        return read_file(file)
    except OSError:
        return b""
