"""Keep a bare repository with the target's and a mission's branch for workspaces to fetch from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from specify_cli.files import durability
from specify_cli.files.identity import identity
from specify_cli.files.regular_files import read_file
from specify_cli.vcs import lfs, lfs_pointers
from specify_cli.vcs.checkouts import HEADS
from specify_cli.vcs.git import Git, GitFailed
from specify_cli.vcs.private_folders import private_folder
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.workspace_objects import (
    ALTERNATES,
    MAX_SHALLOW_BYTES,
    ProjectObjects,
    begin,
    borrowing,
    copy,
    share,
)
from specify_cli.vcs.workspace_settings import ProjectSettings, Setting, promisor_of, text_of
from specify_cli.vcs.workspace_spec import Objects
from specify_cli.vcs.worktrees_folder import opened, opened_readable

# Packs are collected rarely, so that nobody waits.
_COLLECTING: Final = (
    *("-c", "gc.auto=2000"),
    *("-c", "gc.autoPackLimit=20"),
    *("-c", "gc.autoDetach=false"),
)
_NEW: Final = "new"
_OLD: Final = "old"


def update(
    repo: Repository,
    mirror: Path,
    branches: Iterable[str],
    *,
    objects: Objects,
    others: Mapping[str, str] | None = None,
) -> None:
    """Bring the mirror at `.worktrees/.mirror/<name>.git` to the project's state of those branches.

    HEAD names the first branch; the mirror has only them and the refs `others`, each at its commit. It gets `objects` as the workspaces that
    fetch from it do; those of a partial clone are always shared. The mirror is made anew where it
    is damaged or not as the host makes it; one with objects of its own may keep them.

    Raises:
        AllocationFailed: a link or a file has the name of the folder around it.
        GitFailed, OSError: git or the disk refused; the mirror is unchanged or missing.
    """
    names = list(branches)
    tips = {HEADS + name: commit for name, commit in repo.lane_tips(names).items()}
    tips |= others or {}
    project = ProjectObjects.of(repo.git)
    settings = ProjectSettings.read(repo.git)
    it = _Mirror(
        path=mirror,
        git=repo.git,
        project=project,
        settings=settings,
        tips=tips,
        branch=names[0],
        is_shared=objects is Objects.SHARED or settings.promisor is not None,
    )
    if it.is_sound():
        with suppress(GitFailed):  # A lock of a killed git, or damage.
            it.move(mirror)
            return
    it.make()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mirror:
    """The mirror of one project, as it should be."""

    path: Path
    git: Git
    project: ProjectObjects
    settings: ProjectSettings
    tips: Mapping[str, str]
    branch: str
    is_shared: bool

    @property
    def _is_partial(self) -> bool:
        return self.settings.promisor is not None

    def is_sound(self) -> bool:
        """Return whether the mirror has its original configuration, no foreign objects and no lock.

        The caller holds the lock of the repository and ended what killed hosts left: any lock is
        stale.
        """
        wanted = {"config": text_of(self._config())}
        if os.path.lexists(self.path / ALTERNATES):
            if not self.is_shared:
                return False
            wanted |= borrowing(self.project, final_path=self.path, settings=self.settings)
        return (
            identity(self.path) is not None
            and all(_content(self.path / name) == content for name, content in wanted.items())
            and not any(_locks(self.path))
        )

    def move(self, folder: Path) -> None:
        """Move the branches of the repository in `folder` to those of the project.

        Raises:
            GitFailed, OSError: git or the disk refused.
        """
        git = replace(self.git, folder=folder, location={"GIT_DIR": str(folder)})
        output = git.run("for-each-ref", "--format=%(refname) %(objectname)").lines
        known = {ref: commit for ref, _, commit in (line.partition(" ") for line in output)}
        new = {ref: commit for ref, commit in self.tips.items() if known.get(ref) != commit}
        gone = known.keys() - self.tips.keys()
        if not (new or gone):
            return
        is_own = not os.path.lexists(folder / ALTERNATES)
        if new and is_own:
            copy(self.project, self.git, folder, commits=new.values(), settings=self.settings)
        if lfs.FILTER in self.settings.filters and not self._is_partial:
            self._give_large_files(folder, new, known)
        orders = [f"update {ref} {commit}\n" for ref, commit in new.items()]
        orders += [f"delete {ref}\n" for ref in gone]
        git.run("update-ref", "--stdin", input="".join(orders).encode())
        # Git continues where it cannot remove a lock.
        for left in _locks(folder):
            left.unlink(missing_ok=True)
        if is_own:
            replace(git, overrides=(*git.overrides, *_COLLECTING)).run("gc", "--auto", "--quiet")

    def _give_large_files(
        self, folder: Path, new: Mapping[str, str], known: Mapping[str, str]
    ) -> None:
        """Link the project's git-lfs objects of the new tips, for the git-lfs of a workspace."""
        storage = lfs.Storage.of(self.git, self.project.common)
        for commit, beside in {commit: known.get(ref) for ref, commit in new.items()}.items():
            pointers = lfs_pointers.in_tree(self.git, commit, beside=beside)
            # Hard links are safe: agents can only read the mirror.
            storage.give(pointers, folder / "lfs", link=True)

    def make(self) -> None:
        """Make the mirror in private and move it to its name, replacing a former one.

        Raises:
            AllocationFailed: a link or a file has the name of the folder around it.
            GitFailed, OSError: git or the disk refused.
        """
        folder = self.path.parent
        name = self.path.name
        with (
            opened(folder.parent) as parent,
            opened_readable(folder, parent=parent) as mirrors,
            private_folder(folder.parent / name, parent=parent) as private,
        ):
            made = private.path / _NEW
            begin(made, branch=self.branch, settings=self._config())
            if self.is_shared:
                share(self.project, made, final_path=made, settings=self.settings)
            self.move(made)
            if self.is_shared:  # The relative paths differ at the final path.
                share(self.project, made, final_path=self.path, settings=self.settings)
            durability.sync_all()
            with suppress(FileNotFoundError):
                os.rename(name, _OLD, src_dir_fd=mirrors, dst_dir_fd=private.descriptor)
            os.rename(_NEW, name, src_dir_fd=private.descriptor, dst_dir_fd=mirrors)
            durability.sync_folder(folder)

    def _config(self) -> list[Setting]:
        form = self.project.format_settings(is_bare=True, is_partial=self._is_partial)
        # Refuse pushes.
        closed = Setting(key="receive.hiderefs", value="refs")
        partial = promisor_of(self.settings, self.git) if self._is_partial else []
        return [*form, closed, *partial]


def _locks(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.lock")
    yield from folder.glob("refs/**/*.lock")


def _content(file: Path) -> bytes | None:
    """Return the content of a file, empty where it is missing; None where it is not a regular file."""
    try:
        return read_file(file, max_bytes=MAX_SHALLOW_BYTES)
    except FileNotFoundError:
        return b""
    except OSError:
        return None
