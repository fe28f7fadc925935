"""Make the workspace of an execution lane: an independent repository that agents own."""

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
from specify_cli.vcs.folder_processes import processes_in
from specify_cli.vcs.private_folders import PrivateFolder, private_folder
from specify_cli.vcs.renames import rename_free
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.workspace_contents import fill
from specify_cli.vcs.workspace_objects import ProjectObjects
from specify_cli.vcs.workspace_settings import ProjectSettings
from specify_cli.vcs.workspace_spec import Objects, WorkspaceSpec
from specify_cli.vcs.worktrees_folder import opened

__all__ = ["MadeWorkspace", "Objects", "WorkspaceSpec", "make", "swap"]

_COMMIT: Final = pattern(r"[0-9a-f]{40}|[0-9a-f]{64}")
_NAME: Final = "workspace"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeWorkspace:
    """A finished workspace. `left_out` are the hooks not copied; `old` is the workspace replaced."""

    identity: Identity
    left_out: Sequence[str] = ()
    old: Path | None = None


def make(
    repo: Repository,
    spec: WorkspaceSpec,
    *,
    remember: Callable[[Identity], object] = lambda made: None,
) -> MadeWorkspace:
    """Make a workspace at a free path.

    `remember` is called with its identity before it gets its name.

    The workspace is complete and durable before one rename gives it its name. Killed at any step,
    this process leaves nothing at `spec.path`, and nothing that the next call does not remove.

    Raises:
        AllocationFailed: the path is taken, or the project lacks objects.
        GitFailed, OSError: git or the disk refused. Nothing is left behind.
    """
    path = spec.path
    _require_free(path)
    with opened(path.parent) as parent, _complete(repo, spec, parent=parent) as (private, made):
        remember(made.identity)
        try:
            rename_free(_NAME, path.name, from_fd=private.descriptor, to_fd=parent)
        except FileExistsError:
            _require_free(path)
            raise
    durability.sync_folder(path.parent)
    return made


def swap(
    repo: Repository,
    spec: WorkspaceSpec,
    *,
    old: Identity,
    require_idle: Callable[[Path], object] = lambda path: None,
    remember: Callable[[Identity], object] = lambda made: None,
) -> MadeWorkspace:
    """Make a workspace in place of the one known as `old`, which moves to the trash.

    `require_idle` raises where `old` must not be replaced. It is called with the path of `old`
    before the swap and, with its path in the trash, again after it, when no process can enter any
    more. `remember` is called with the identity of the new folder before the swap.

    Raises:
        AllocationFailed: another folder is there, or is the working directory of a process.
        GitFailed, OSError: git or the disk refused. The old workspace keeps its name.
    """
    path = spec.path
    if identity(path) == old:
        _require_left(path, old, at=path)
        require_idle(path)
    with (
        opened(path.parent) as parent,
        _complete(repo, spec, parent=parent) as (private, made),
    ):
        remember(made.identity)
        fresh = private.path / _NAME
        with trash.exchanged(fresh, path, known=old, parent=parent) as former:
            _require_left(path, old, at=former)
            require_idle(former)
    durability.sync_folder(path.parent)
    return replace(made, old=former)


def _require_free(path: Path) -> None:
    """Refuse a path that is taken."""
    if os.path.lexists(path):
        raise AllocationFailed(f"{path} exists; move it away, then try again")


def _require_left(path: Path, folder: Identity, *, at: Path) -> None:
    """Refuse a folder, now at `at`, that is the working directory of a process."""
    found = processes_in(folder, owner=at.lstat().st_uid)
    if found:
        named = ", ".join(map(str, found))
        text = f"processes work in {path} ({named}); leave that folder with cd, or end them, then try again"
        raise AllocationFailed(text, code="in_use")


@contextmanager
def _complete(
    repo: Repository, spec: WorkspaceSpec, *, parent: int
) -> Iterator[tuple[PrivateFolder, MadeWorkspace]]:
    """Build a complete workspace on the disk in a private folder.

    Where the block raises, files and pins are removed.
    """
    _require_sound(spec)
    project = ProjectObjects.of(repo.git)
    settings = ProjectSettings.read(repo.git)
    with private_folder(spec.path, parent=parent) as private:
        made: list[str] = []
        try:
            if spec.objects is Objects.SHARED:
                made = pin_refs.add(repo.git, spec.path, spec.refs.values())
            path = private.path / _NAME
            left_out = fill(repo.git, spec, path, project=project, settings=settings)
            durability.sync_all()
            yield private, MadeWorkspace(identity=Identity.of(path.lstat()), left_out=left_out)
        except BaseException:
            pin_refs.remove(repo.git, made)
            raise


def _require_sound(spec: WorkspaceSpec) -> None:
    """Refuse branches and commits that git's own files would not take for such."""
    commits = spec.refs.values()
    if not all(_COMMIT.fullmatch(commit) and commit.strip("0") for commit in commits):
        raise AllocationFailed(f"not all of these are commits: {', '.join(commits)}")
    if any(set(name) & set(" \n\0") for name in spec.refs):
        raise AllocationFailed(f"not all of these are branches: {', '.join(spec.refs)}")
