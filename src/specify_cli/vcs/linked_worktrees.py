"""Handle linked worktrees of execution lanes, which projects of older versions have.

Users who can write into the `.git` of one are trusted like the host.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from specify_cli.files import durability
from specify_cli.files.atomic import publish
from specify_cli.files.folders import NOT_FOLLOWED
from specify_cli.files.identity import identity
from specify_cli.files.regular_files import opened_below
from specify_cli.files.tree_removal import remove_tree
from specify_cli.vcs.checkouts import (
    Checkout,
    branch_at_work,
    branch_in,
    git_dir_of,
    registration_of,
    worktree_path,
)
from specify_cli.vcs.errors import AllocationFailed
from specify_cli.vcs.repository import Repository

_MOST_READ: Final = 64 * 1024
_IN_WORK: Final = "uncommitted_work"


def branch_out(repo: Repository, path: Path) -> str | None:
    """Return the branch that the linked worktree at `path` has checked out or in a rebase; None elsewhere."""
    git_dir = registration_of(path, common=git_dir_of(repo.root))
    return (branch_at_work(git_dir) or branch_in(git_dir)) if git_dir else None


def is_linked(repo: Repository, path: Path) -> bool:
    """Return whether the folder at `path` is a linked worktree of the repository."""
    return registration_of(path, common=git_dir_of(repo.root)) is not None


def former_registration(common: Path, path: Path) -> Path | None:
    """Return the registration of the linked worktree at `path` from before the project was moved or copied.

    Both name each other by absolute paths, which are those of the former folder.
    """
    try:
        with opened_below(path, (".git",)) as file:
            said = os.fsdecode(file.read(_MOST_READ)).rstrip("\n")
    except OSError:
        return None
    name = Path(said).name if said.startswith("gitdir: ") else ""
    registration = Path(os.path.realpath(common), "worktrees", name)
    at = worktree_path(registration) if name and identity(registration) else None
    is_former = at is not None and at.name == path.name and at.parent.name == path.parent.name
    # One that is registered at another path of this project is not lost.
    if not is_former or at is None or registration_of(at, common=common) is not None:
        return None
    return registration


def reconnect(common: Path, path: Path) -> bool:
    """Let the linked worktree at `path` and its former registration name each other.

    `git worktree repair` would change the original, if the project is a copy.

    Raises:
        StorageFailed: the disk refused.
    """
    registration = former_registration(common, path)
    if registration is None:
        return False
    publish(registration / "gitdir", os.fsencode(f"{path}/.git\n"), below=registration.parent)
    publish(path / ".git", os.fsencode(f"gitdir: {registration}\n"), below=path.parent)
    return registration_of(path, common=common) == registration


def require_removable(repo: Repository, path: Path) -> None:
    """Refuse a linked worktree whose registration holds more than its files.

    Raises:
        AllocationFailed: the message names what to finish or remove first.
    """
    git_dir = registration_of(path, common=git_dir_of(repo.root))
    if git_dir is None:
        return
    operation = Checkout(path=path, branch=None, common=git_dir_of(repo.root)).operation()
    if operation:
        raise AllocationFailed(f"{operation} is in progress in {path}: finish it", code=_IN_WORK)
    if os.path.lexists(git_dir / "locked"):
        text = f"{path} is locked: run 'git worktree unlock {path}'"
        raise AllocationFailed(text, code=_IN_WORK)
    if os.path.lexists(git_dir / "modules"):
        text = f"{path} has submodules with repositories of their own: push what they hold, and remove it"
        raise AllocationFailed(text, code=_IN_WORK)


def forget_replaced(repo: Repository, path: Path) -> None:
    """Remove the registration of a linked worktree at `path` that was replaced or removed.

    No link is followed, and the folder at `path` is not touched.

    Raises:
        OSError: the disk refused.
    """
    common = git_dir_of(repo.root)
    folder = Path(os.path.realpath(common), "worktrees") if common else None
    if folder is None or identity(folder) is None:
        return
    registrations = os.open(folder, NOT_FOLLOWED)
    try:
        for registration in folder.iterdir():
            at = None if registration.is_symlink() else worktree_path(registration)
            is_here = at is not None and os.path.realpath(at) == os.path.realpath(path)
            is_here = is_here or (registration.name == path.name and _is_remnant(registration))
            if is_here and registration_of(path, common=common) is None:
                remove_tree(registration.name, dir_fd=registrations)
                durability.sync_folder(folder)
    finally:
        os.close(registrations)


def _is_remnant(registration: Path) -> bool:
    """Return whether a power loss brought back part of a removed registration: `gitdir` is missing.

    Git prunes such a folder too. While git creates a registration, the file `locked` is in it.
    """
    is_folder = registration.is_dir() and not registration.is_symlink()
    return is_folder and not any(
        os.path.lexists(registration / name) for name in ("gitdir", "locked")
    )
