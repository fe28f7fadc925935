"""Which folders have which branch checked out, and what is going on in them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli.vcs.git import Completed, Git, GitFailed

HEADS: Final = "refs/heads/"
INDEX_PATIENCE_S: Final = 1.0
"""Editors refresh the index every few seconds and hold its lock for milliseconds."""

ORPHAN_PATIENCE_S: Final = 5.0
"""A git outlives its killed host for as long as it writes files."""

_POLL_S: Final = 0.01
_INDEX_TRIES: Final = 2
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
    """A folder with a working tree of the repository; `branch` is None when detached.

    `common` is the git folder of the repository, for any but the main one.
    """

    path: Path
    branch: str | None
    is_main: bool = False
    lock_reason: str | None = None
    common: Path | None = None

    @property
    def git(self) -> Git:
        """Git, run in this working tree, with the settings of the repository and no others.

        Raises:
            GitFailed: the working tree is gone, or names another git folder than its own.
        """
        if self.is_main:
            return Git(folder=self.path)
        git_dir = self.git_dir
        if git_dir is None:
            text = f"{self.path} is no worktree of this repository: see what its .git file names"
            raise GitFailed(("worktree",), returncode=-1, stderr=text)
        # Told, so that git does not ask what lies in the worktree: its writer may exchange it any time.
        place = {
            "GIT_DIR": str(git_dir),
            "GIT_COMMON_DIR": os.path.realpath(self.common or git_dir.parent.parent),
            "GIT_WORK_TREE": os.path.abspath(self.path),  # noqa: PTH100
        }
        return Git(folder=self.path, place=place)

    @property
    def git_dir(self) -> Path | None:
        """The folder where git keeps the state of this working tree; None when that is gone."""
        if self.is_main:
            return git_dir_of(self.path)
        return registration_of(self.path, common=self.common)

    @property
    def index_lock(self) -> Path | None:
        """The lock on the index, when somebody holds it now."""
        lock = (self.git_dir or self.path) / "index.lock"
        return lock if lock.exists() else None

    def has(self, branch: str) -> bool:
        """Whether a move of `branch` concerns this working tree: it is out here, or rebased."""
        return branch in (self.branch, branch_at_work(self.git_dir))

    def operation(self) -> str | None:
        """What the user is in the middle of here, in words; None when nothing."""
        git_dir = self.git_dir
        if git_dir is None:
            return None
        return next((name for file, name in _OPERATIONS.items() if (git_dir / file).exists()), None)

    def on_index(
        self, *args: str, input: bytes | None = None, fine: tuple[int, ...] = (0,)
    ) -> Completed:
        """Git has run and written the index, after waiting for another holder of its lock.

        Raises:
            GitFailed: git refused, or the lock is stale.
        """
        for _ in range(_INDEX_TRIES):
            self._wait_for_index()
            done = self.git.run(*args, input=input, check=False)
            if done.returncode in fine:
                return done
        raise GitFailed(args, returncode=done.returncode, stderr=done.stderr)

    def outwait_index(self) -> None:
        """No git of a killed host is still writing here.

        Raises:
            GitFailed: the lock on the index is stale, or a very long operation holds it.
        """
        self._wait_for_index(ORPHAN_PATIENCE_S)
        lock = self.index_lock
        if lock:
            text = f"{lock} exists: remove it once no git is running here"
            raise GitFailed(("update-index",), returncode=-1, stderr=text)

    def _wait_for_index(self, patience_s: float = INDEX_PATIENCE_S) -> None:
        deadline = time.monotonic() + patience_s
        while self.index_lock and time.monotonic() < deadline:
            time.sleep(_POLL_S)


def git_dir_of(folder: Path) -> Path | None:
    """The git folder that `folder/.git` is or names; None when there is none."""
    link = folder / ".git"
    if link.is_dir():
        return link
    try:
        prefix, _, target = os.fsdecode(link.read_bytes()).rstrip("\n").partition(": ")
    except OSError:
        return None
    git_dir = folder / target
    return git_dir if prefix == "gitdir" and git_dir.is_dir() else None


def registration_of(folder: Path, *, common: Path | None) -> Path | None:
    """Where the repository with the git folder `common` keeps the state of its worktree `folder`.

    None when `folder` is a link, is none of its worktrees, or its `.git` names anything else:
    whoever can write a worktree can have it name settings that run programs.
    """
    named = git_dir_of(folder)
    if named is None or common is None or folder.is_symlink():
        return None
    git_dir = Path(os.path.realpath(common), "worktrees", named.name)
    if os.path.realpath(named) != str(git_dir):
        return None
    back = place_of(git_dir)
    is_back = back is not None and os.path.realpath(back) == os.path.realpath(folder)
    return git_dir if is_back else None


def place_of(registration: Path) -> Path | None:
    """The folder of the worktree that is registered there; None when that cannot be read."""
    try:
        named = os.fsdecode((registration / "gitdir").read_bytes()).rstrip("\n")
    except OSError:
        return None
    return (registration / named).parent


def branch_at_work(git_dir: Path | None) -> str | None:
    """The branch that a rebase or bisect in this git folder took off HEAD; None when none."""
    if git_dir is None:
        return None
    for file in ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"):
        with suppress(OSError):
            return os.fsdecode((git_dir / file).read_bytes()).strip().removeprefix(HEADS)
    return None


def registered(git: Git) -> list[Checkout]:
    """Every working tree that git knows of, the main one first, those gone from disk included.

    `git` runs in the main one: of a submodule or a separate git folder, the list names it wrongly.

    Raises:
        GitFailed: not a repository.
    """
    fields = git.run("worktree", "list", "--porcelain", "-z").fields
    main, *linked = _records(fields)
    return [
        _parse({**main, "worktree": str(git.folder)}, is_main=True),
        *(_parse(record, is_main=False, common=git_dir_of(git.folder)) for record in linked),
    ]


def checkouts_of(git: Git, branch: str) -> list[Checkout]:
    """The working trees on disk that a move of `branch` concerns.

    Raises:
        GitFailed: not a repository.
    """
    return [it for it in registered(git) if it.git_dir is not None and it.has(branch)]


def _records(fields: list[str]) -> Iterator[dict[str, str]]:
    record: dict[str, str] = {}
    for field in fields:
        if field:
            name, _, value = field.partition(" ")
            record[name] = value
        elif record:
            yield record
            record = {}


def _parse(record: dict[str, str], *, is_main: bool, common: Path | None = None) -> Checkout:
    branch = record.get("branch")
    return Checkout(
        path=Path(record["worktree"]),
        branch=branch.removeprefix(HEADS) if branch else None,
        is_main=is_main,
        lock_reason=record.get("locked"),
        common=common,
    )
