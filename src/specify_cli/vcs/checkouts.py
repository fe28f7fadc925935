"""List the working trees of a repository, their branches and operations in progress."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli.files.regular_files import read_file
from specify_cli.vcs import index_file
from specify_cli.vcs.blocking_files import blocking_files
from specify_cli.vcs.git import Git, GitFailed, GitResult, time_limit

HEADS: Final = "refs/heads/"
_HEAD_PREFIX: Final = f"ref: {HEADS}"
ORPHAN_PATIENCE_S: Final = 5.0
"""A git may outlive its killed host until it has written its files."""

_POLL_S: Final = 0.01
_TOLD: Final = 10
_OPERATIONS: Final = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisect",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A working tree of the repository; `branch` is None where HEAD is detached.

    `common` is the git folder of the repository; None for the main working tree.
    """

    path: Path
    branch: str | None
    is_main: bool = False
    lock_reason: str | None = None
    common: Path | None = None

    @property
    def git(self) -> Git:
        """Git in this working tree, with the settings of its repository and no others.

        Raises:
            GitFailed: the working tree is gone, or names another git folder than its own.
        """
        if self.is_main:
            return Git(folder=self.path)
        git_dir = self.git_dir
        if git_dir is None:
            text = (
                f"{self.path} is not a worktree of this repository; check what its .git file names"
            )
            raise GitFailed(("worktree",), returncode=-1, stderr=text)
        # Set explicitly, so that git does not read `.git` in the worktree: an agent may exchange it
        # at any time.
        location = {
            "GIT_DIR": str(git_dir),
            "GIT_COMMON_DIR": os.path.realpath(self.common or git_dir.parent.parent),
            "GIT_WORK_TREE": os.path.abspath(self.path),  # noqa: PTH100
        }
        return Git(folder=self.path, location=location)

    @property
    def git_dir(self) -> Path | None:
        """The folder where git keeps the state of this working tree; None where it is missing."""
        if self.is_main:
            return git_dir_of(self.path)
        return registration_of(self.path, common=self.common)

    @property
    def index_lock(self) -> Path | None:
        """The path of the index lock, where it is taken now."""
        lock = (self.git_dir or self.path) / "index.lock"
        return lock if lock.exists() else None

    def has(self, branch: str) -> bool:
        """Return whether `branch` is checked out or being rebased here."""
        return branch in (self.branch, branch_at_work(self.git_dir))

    def operation(self) -> str | None:
        """Describe the operation that the user has in progress here; None where there is none."""
        git_dir = self.git_dir
        if git_dir is None:
            return None
        return next((name for file, name in _OPERATIONS.items() if (git_dir / file).exists()), None)

    def require_no_endless_file(self) -> None:
        """Refuse a working tree with a file that git would wait for without end.

        Raises:
            GitFailed: there is one, or the search takes longer than git may take.
        """
        if self.is_main:
            return
        try:
            found = [str(it) for it in blocking_files(self.path, seconds=time_limit())]
        except TimeoutError as error:
            raise GitFailed(("status",), returncode=-1, stderr=str(error)) from error
        if found:
            raise GitFailed(("status",), returncode=-1, stderr=blocking_files_message(found))

    def on_index(
        self, *args: str, fine: tuple[int, ...] = (0,), env: Mapping[str, str] | None = None
    ) -> GitResult:
        """Run git on the index, after waiting for another holder of its lock.

        Raises:
            GitFailed: git refused, the lock is stale, or the disk refused.
        """
        git_dir = self.git_dir or self.path
        return index_file.changed_by(self.git, git_dir, *args, fine=fine, env=env or {})

    def hold_in_index(self, info: bytes) -> None:
        """Put these entries of `--index-info` into the index; no file of the working tree is opened.

        Raises:
            GitFailed: git refused, the lock is stale, or the disk refused.
        """
        index_file.hold(self.git, self.git_dir or self.path, info)

    def holding_in_index(self, info: bytes) -> AbstractContextManager[Callable[[], object]]:
        """Put these entries into the index, as `hold_in_index` does, and keep it locked during the block.

        Yields a function that restores the former index.

        Raises:
            GitFailed: git refused, or the lock is stale.
            OSError: the disk refused.
        """
        return index_file.holding(self.git, self.git_dir or self.path, info)

    def outwait_index(self) -> None:
        """Wait until no git of a killed host writes the index any more.

        Raises:
            GitFailed: the lock on the index is stale, or a very long operation holds it.
        """
        deadline = time.monotonic() + ORPHAN_PATIENCE_S
        while self.index_lock and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        lock = self.index_lock
        if lock:
            raise GitFailed(("update-index",), returncode=-1, stderr=index_file.stale(lock))


def git_dir_of(folder: Path) -> Path | None:
    """Return the git folder that `folder/.git` is or names; None where there is none."""
    link = folder / ".git"
    if link.is_dir():
        return link
    try:
        prefix, _, target = os.fsdecode(read_file(link)).rstrip("\n").partition(": ")
    except OSError:
        return None
    git_dir = folder / target
    return git_dir if prefix == "gitdir" and git_dir.is_dir() else None


def registration_of(folder: Path, *, common: Path | None) -> Path | None:
    """Return where the repository at `common` keeps the state of its worktree `folder`.

    None where `folder` is a link or not one of its worktrees, or its `.git` names anything else: an
    agent that can write in a worktree could name a git folder whose settings run programs.
    """
    named = git_dir_of(folder)
    if named is None or common is None or folder.is_symlink():
        return None
    git_dir = Path(os.path.realpath(common), "worktrees", named.name)
    if os.path.realpath(named) != str(git_dir):
        return None
    back = worktree_path(git_dir)
    is_back = back is not None and os.path.realpath(back) == os.path.realpath(folder)
    return git_dir if is_back else None


def worktree_path(registration: Path) -> Path | None:
    """Return the path of the registered worktree; None where that cannot be read."""
    try:
        named = os.fsdecode(read_file(registration / "gitdir")).rstrip("\n")
    except OSError:
        return None
    return (registration / named).parent


def branch_at_work(git_dir: Path | None) -> str | None:
    """Return the branch that a rebase or bisect took off HEAD; None where there is none."""
    if git_dir is None:
        return None
    for file in ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"):
        with suppress(OSError):
            return os.fsdecode(read_file(git_dir / file)).strip().removeprefix(HEADS)
    return None


def registered(git: Git) -> list[Checkout]:
    """List every working tree that the repository knows, the main one first, missing ones included.

    `git` runs in the main one. The others are read without git: `git worktree list` waits for ever
    for a FIFO called HEAD. Unreadable registrations are left out.

    Raises:
        GitFailed: not a repository.
    """
    found = git.run("symbolic-ref", "--quiet", "HEAD", check=False)
    if found.returncode not in (0, 1):
        raise GitFailed(("symbolic-ref",), returncode=found.returncode, stderr=found.stderr)
    branch = os.fsdecode(found.stdout).strip().removeprefix(HEADS) or None
    main = Checkout(path=git.folder, branch=branch, is_main=True)
    common = git_dir_of(git.folder)
    return [main, *(_linked(common) if common else ())]


def blocking_files_message(paths: list[str]) -> str:
    """Describe how to remove files that git would wait for."""
    names = " ".join(map(shlex.quote, paths[:_TOLD]))
    return (
        f"git would hang on entries that are not regular files; to remove them, run: rm -rf {names}"
    )


def _linked(common: Path) -> Iterator[Checkout]:
    for registration in sorted(common.glob("worktrees/*")):
        path = None if registration.is_symlink() else worktree_path(registration)
        if path is not None:
            yield Checkout(
                path=path,
                branch=branch_in(registration),
                lock_reason=_lock_reason(registration),
                common=common,
            )


def branch_in(git_dir: Path) -> str | None:
    """Return the branch that HEAD names in this git folder; None where detached or unreadable."""
    try:
        head = os.fsdecode(read_file(git_dir / "HEAD")).strip()
    except OSError:
        return None
    return head.removeprefix(_HEAD_PREFIX) if head.startswith(_HEAD_PREFIX) else None


def _lock_reason(registration: Path) -> str | None:
    try:
        return os.fsdecode(read_file(registration / "locked")).strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"its lock {error.strerror}"


def checkouts_of(git: Git, branch: str) -> list[Checkout]:
    """List the existing working trees that have `branch` checked out or in a rebase.

    Raises:
        GitFailed: not a repository.
    """
    return [it for it in registered(git) if it.git_dir is not None and it.has(branch)]
