"""Makes the workspace of an execution lane: an independent repository that agents own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from specify_cli.files import durability
from specify_cli.files.identity import Identity, identity
from specify_cli.patterns import pattern
from specify_cli.vcs import pin_refs, trash
from specify_cli.vcs.errors import AllocationFailed
from specify_cli.vcs.folder_processes import occupants
from specify_cli.vcs.private_folders import Draft, draft
from specify_cli.vcs.renames import rename_free
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.workspace_contents import fill
from specify_cli.vcs.workspace_objects import ProjectObjects
from specify_cli.vcs.workspace_settings import ProjectSettings
from specify_cli.vcs.workspace_spec import Objects, Order
from specify_cli.vcs.worktrees_folder import opened

__all__ = ["Made", "Objects", "Order", "make", "swap"]

_COMMIT: Final = pattern(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME: Final = "workspace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A workspace that has its name. `left_out` are the hooks that were not copied; `old` is what was replaced."""

    identity: Identity
    left_out: Sequence[str] = ()
    old: Path | None = None


def make(
    repo: Repository, order: Order, *, remember: Callable[[Identity], object] = lambda made: None
) -> Made:
    """Make a workspace where nothing is.

    `remember` is told which folder it is, before it has its name.

    It is complete, and on the disk, before it gets its name by one rename. Killed at any step, this
    process leaves nothing at `order.place`, and nothing that the next call does not remove.

    Raises:
        AllocationFailed: something has the name, or the project has not got what it takes.
        GitFailed, OSError: git or the disk refused. Nothing is left of it.
    """
    place = order.place
    _require_free(place)
    with opened(place.parent) as parent, _complete(repo, order, parent=parent) as (private, made):
        remember(made.identity)
        try:
            rename_free(_NAME, place.name, from_fd=private.descriptor, to_fd=parent)
        except FileExistsError:
            _require_free(place)
            raise
    durability.sync_folder(place.parent)
    return made


def swap(
    repo: Repository,
    order: Order,
    *,
    old: Identity,
    require_idle: Callable[[Path], object] = lambda path: None,
    remember: Callable[[Identity], object] = lambda made: None,
) -> Made:
    """Make a workspace in the place of the one that is known as `old`, which moves to the trash.

    `require_idle` raises where `old` must not be replaced. It is called with the path of `old` before the
    swap and, with its path in the trash, once more after it: then nobody comes in any more.
    `remember` is told which folder takes the name, before it does.

    Raises:
        AllocationFailed: another folder is there, or a process stands in it.
        GitFailed, OSError: git or the disk refused. The old workspace has its name.
    """
    place = order.place
    if identity(place) == old:
        _require_left(place, old, at=place)
        require_idle(place)
    with (
        opened(place.parent) as parent,
        _complete(repo, order, parent=parent) as (private, made),
    ):
        remember(made.identity)
        fresh = private.path / _NAME
        with trash.exchanged(fresh, place, known=old, parent=parent) as former:
            _require_left(place, old, at=former)
            require_idle(former)
    durability.sync_folder(place.parent)
    return replace(made, old=former)


def _require_free(place: Path) -> None:
    """Nothing has the name.

    Raises:
        AllocationFailed: something has.
    """
    if os.path.lexists(place):
        raise AllocationFailed(f"{place} exists; move it away, then try again")


def _require_left(place: Path, folder: Identity, *, at: Path) -> None:
    """Nobody stands in the folder, which is now at `at`.

    Raises:
        AllocationFailed: naming the processes.
    """
    found = occupants(folder, owner=at.lstat().st_uid)
    if found:
        named = ", ".join(map(str, found))
        text = f"processes stand in {place} ({named}); leave that folder (cd out), then try again"
        raise AllocationFailed(text, code="in_use")


@contextmanager
def _complete(repo: Repository, order: Order, *, parent: int) -> Iterator[tuple[Draft, Made]]:
    """A workspace that is whole and on the disk, in a private folder.

    Where the block raises, nothing is left: neither files nor pins.
    """
    _require_sound(order)
    project = ProjectObjects.of(repo.git)
    settings = ProjectSettings.read(repo.git)
    with draft(order.place, parent=parent) as private:
        made: list[str] = []
        try:
            if order.objects is Objects.SHARED:
                made = pin_refs.add(repo.git, order.place, order.refs.values())
            path = private.path / _NAME
            left_out = fill(repo.git, order, path, project=project, settings=settings)
            durability.sync_all()
            yield private, Made(identity=Identity.of(path.lstat()), left_out=left_out)
        except BaseException:
            pin_refs.remove(repo.git, made)
            raise


def _require_sound(order: Order) -> None:
    """What becomes part of a file of git's own cannot be taken for something else.

    Raises:
        AllocationFailed: a branch or a commit is not one.
    """
    commits = order.refs.values()
    if not all(_COMMIT.fullmatch(commit) and commit.strip("0") for commit in commits):
        raise AllocationFailed(f"not all of these are commits: {', '.join(commits)}")
    if any(set(name) & set(" \n\0") for name in order.refs):
        raise AllocationFailed(f"not all of these are branches: {', '.join(order.refs)}")
