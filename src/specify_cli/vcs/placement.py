"""Puts the worktree of a branch at its place, and finds out what stands there already."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli.vcs import durable, marks, plain_files
from specify_cli.vcs.branch_moves import settle_all
from specify_cli.vcs.checkouts import (
    Checkout,
    git_dir_of,
    on_worktrees,
    place_of,
    registered,
)
from specify_cli.vcs.git import Git, GitFailed
from specify_cli.vcs.leftovers import INITIALIZING

FILLING: Final = "spec-kitty-filling"
"""In the git folder of a worktree until its files are on the disk."""


class AllocationFailed(Exception):
    """The worktree of a lane could not be made ready; `reason` says why and what to do.

    `code` names the case, and `files` are those that are in conflict.
    """

    def __init__(
        self, reason: str, *, code: str = "unavailable", files: Sequence[str] = ()
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.files = tuple(files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the worktree of a branch is to stand."""

    path: Path
    branch: str

    def holds(self, checkout: Checkout) -> bool:
        """Whether this is the registration of a worktree at the place."""
        return os.path.realpath(checkout.path) == os.path.realpath(self.path)


def standing(git: Git, place: Place) -> Checkout | None:
    """The worktree that stands at the place already, complete; None when it is to be made.

    Raises:
        AllocationFailed: something else is there, or the branch is out elsewhere.
        GitFailed: git refused.
    """
    known = _known(git, place)
    _refuse_elsewhere(git, place, known)
    found = next((it for it in known if place.holds(it)), None)
    if found is None or found.git_dir is None or found.lock_reason == INITIALIZING:
        _refuse_taken(place, found)
        return None
    if not found.has(place.branch):
        raise AllocationFailed(f"{place.path} stands on {found.branch or 'no branch'}")
    _complete(git, found, place.branch)
    return found


def make(git: Git, place: Place) -> None:
    """The branch is out in a worktree at the place, where `standing` found none.

    Raises:
        GitFailed: git refused.
    """
    # What a killed `git worktree add` leaves: a folder with nothing but its link.
    (place.path / ".git").unlink(missing_ok=True)
    # Twice forced: a registration whose folder is gone, locked by that killed git, gives way.
    force = ("--force", "--force")
    marks.note_worktree(place.path.name)
    on_worktrees(git, "add", "--no-checkout", *force, str(place.path), place.branch)
    made = Checkout(path=place.path, branch=place.branch, common=git_dir_of(git.folder))
    git_dir = made.git_dir
    if git_dir is None:
        raise GitFailed(("worktree", "add"), returncode=-1, stderr=f"no worktree at {place.path}")
    # Git does not say so when it cannot take its own lock away.
    (git_dir / "locked").unlink(missing_ok=True)
    plain_files.replace(git_dir / FILLING, b"")
    # The registration first: were the files there without it, they would pass for somebody's.
    durable.sync()
    _fill(git, made, git_dir)


def ignore_folder(folder: Path) -> None:
    """The folder exists and is ignored by the repository around it, itself included."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / ".gitignore"
    with suppress(OSError):
        if plain_files.read(target):
            return
    # Always the same name, so that a draft whose writer was killed is written over.
    draft = folder / ".gitignore.tmp"
    plain_files.replace(draft, b"*\n")
    draft.replace(target)


def _known(git: Git, place: Place) -> Sequence[Checkout]:
    known = registered(git)
    if _is_homeless(git, place) and not any(place.holds(it) for it in known):
        # The project was moved as a whole; its worktrees still name the old place.
        on_worktrees(git, "repair", str(place.path), check=False)
        return registered(git)
    return known


def _is_homeless(git: Git, place: Place) -> bool:
    """Whether the folder names a registration of ours, and that a folder which is not there.

    To repair writes into what the folder names: it must not take the place of another worktree.
    """
    common = git_dir_of(git.folder)
    link = place.path / ".git"
    if common is None:
        return False
    try:
        link_text = os.fsdecode(plain_files.read(link)).strip()
    except OSError:
        return False
    own = common / "worktrees" / link_text.rpartition("/")[2]
    named, before = git_dir_of(place.path), place_of(own)
    is_ours = named is None or os.path.realpath(named) == os.path.realpath(own)
    return is_ours and before is not None and not os.path.lexists(before)


def _refuse_elsewhere(git: Git, place: Place, known: Sequence[Checkout]) -> None:
    for other in known:
        if place.holds(other) or not other.has(place.branch):
            continue
        if other.git_dir is not None or os.path.lexists(other.path):
            raise AllocationFailed(f"branch {place.branch} is checked out in {other.path}")
        on_worktrees(git, "remove", "--force", str(other.path))


def _refuse_taken(place: Place, found: Checkout | None) -> None:
    if found is not None and found.lock_reason not in (None, INITIALIZING):
        raise AllocationFailed(f"{found.path} is gone but locked: git worktree unlock it first")
    if place.path.is_symlink():
        raise AllocationFailed(f"{place.path} is a link: move it away")
    if not _is_free(place.path):
        raise AllocationFailed(f"{place.path} exists and is no worktree: move it away")


def _complete(git: Git, checkout: Checkout, branch: str) -> None:
    settle_all(checkout.git, branch, [checkout])
    git_dir = checkout.git_dir
    if git_dir is not None and is_being_filled(git_dir):
        checkout.outwait_index()  # The git of a host that was killed may be at it still.
        _fill(git, checkout, git_dir)


def _fill(git: Git, checkout: Checkout, git_dir: Path) -> None:
    try:
        # As `reset --hard`, but for the refs: it would lock them, and nothing would prove that it was ours.
        checkout.on_index("read-tree", "HEAD")
        checkout.on_index("read-tree", "--reset", "-u", "HEAD")
    except GitFailed:
        _unmake(git, checkout.path)
        raise
    durable.sync()
    (git_dir / FILLING).unlink(missing_ok=True)


def _unmake(git: Git, path: Path) -> None:
    """A worktree that nobody was given to work in is gone, as far as the disk lets it."""
    trash = trash_of(path)
    with suppress(OSError):
        discard(trash)
        path.rename(trash)
        discard(trash)
    forget(git, path)


def trash_of(path: Path) -> Path:
    """Where a worktree is put before it is removed, so that it is there wholly or not at all."""
    return path.with_name(f".removed-{path.name}")


def discard(trash: Path) -> None:
    """What was put there is removed."""
    if trash.is_dir():
        plain_files.remove_folder(trash)


def is_being_filled(git_dir: Path) -> bool:
    """Whether the files of a worktree may be missing still: nobody has been given it to work in."""
    return (git_dir / FILLING).exists() or not (git_dir / "index").exists()


def _is_free(path: Path) -> bool:
    try:
        return {entry.name for entry in path.iterdir()} <= {".git"} and not (path / ".git").is_dir()
    except FileNotFoundError:
        return True
    except NotADirectoryError:
        return False


def registration(git: Git, place: Place) -> Checkout | None:
    """The worktree at the place as git knows it; None where git knows of none.

    Raises:
        GitFailed: git refused.
    """
    return next((it for it in registered(git) if place.holds(it)), None)


def forget(git: Git, path: Path) -> bool:
    """Git has removed the worktree and its registration; False when git refused."""
    try:
        on_worktrees(git, "remove", str(path))
    except GitFailed:
        return False
    return True
