"""The folder of an execution lane's workspace, and the uncommitted work in it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from specify_cli.core.merge_paths import shown
from specify_cli.files.identity import Identity, identity
from specify_cli.storage import record_location, workspace_records
from specify_cli.storage.project import Project
from specify_cli.storage.workspace_records import WorkspaceRecord
from specify_cli.vcs import linked_worktrees, scratch_repository
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.uncommitted_changes import uncommitted_changes


class Kind(Enum):
    """The kind of entry at a workspace's path."""

    NONE = "none"
    WORKSPACE = "workspace"
    LINKED = "linked"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneFolder:
    """The entry at a workspace's path: `folder` is its identity, `record` the host's entry for the name."""

    path: Path
    kind: Kind
    folder: Identity | None = None
    record: WorkspaceRecord | None = None

    @property
    def is_usable(self) -> bool:
        """Whether an agent can work in it."""
        return self.kind in (Kind.WORKSPACE, Kind.LINKED)

    @property
    def is_lost_worktree(self) -> bool:
        """Whether it is a linked worktree whose registration, if any, does not point back."""
        git_file = self.path / ".git"
        is_file = git_file.is_file() and not git_file.is_symlink()
        return self.kind is Kind.OTHER and self.folder is not None and is_file

    def complaint(self, project: Project) -> str:
        """Describe the fault of an unusable folder, and the repair; the subject is left to the caller."""
        if not self.is_lost_worktree:
            return "is not a workspace that the host created; move it away"
        if self.can_be_reconnected(project):
            return (
                "is a linked worktree of this project from before it was moved or copied: 'spec-kitty doctor"
                " --fix' connects it again"
            )
        command = shlex.join(["mv", str(self.path), f"{self.path}.kept"])
        return (
            "is a linked worktree that git does not know any more; its files are all that is left of it: move"
            f" it away with '{command}', then start the package again"
        )

    def can_be_reconnected(self, project: Project) -> bool:
        """Whether git knows it by the former path of the project."""
        common = record_location.around(project.root)
        is_known = common and linked_worktrees.former_registration(common[1], self.path)
        return self.is_lost_worktree and bool(is_known)

    def borrows_from(self, project: Project, repository: Repository) -> Sequence[Path]:
        """The folders of objects that the host allows the workspace to borrow from."""
        is_shared = self.record.is_shared if self.record else project.settings.shares_objects
        return scratch_repository.object_folders_of(repository) if is_shared else ()


def look(project: Project, repository: Repository, path: Path) -> LaneFolder:
    """Identify the entry at `path`, without git and without following links below `.worktrees`.

    A workspace is known by the identity of its folder. If the host has no entry for the name, or the project
    is a copy, a folder with its own repository counts as a workspace: its commits are checked before intake.

    Raises:
        StorageFailed, OSError: the disk refused.
    """
    record = workspace_records.read(project, path.name)
    found = identity(path)
    if found is None:
        kind = Kind.OTHER if os.path.lexists(path) else Kind.NONE
        return LaneFolder(path=path, kind=kind, record=record)
    if record and record.worktrees == identity(path.parent):
        is_own = found in record.folders
    else:
        is_own = identity(path / ".git") is not None
    is_linked = not is_own and linked_worktrees.is_linked(repository, path)
    return LaneFolder(
        path=path,
        kind=Kind.WORKSPACE if is_own else Kind.LINKED if is_linked else Kind.OTHER,
        folder=found,
        record=record,
    )


def work_in(
    repository: Repository,
    path: Path,
    *,
    commit: str,
    seconds: float,
    filters: Collection[str] | None,
    objects: Sequence[Path] = (),
) -> Sequence[str]:
    """List the files of the workspace that differ from the commit and are not ignored, in printable form.

    Args:
        repository: The project's repository.
        path: The workspace.
        commit: A commit of the project, or of one of the folders `objects`.
        seconds: The time limit.
        filters: The filters that may run on the host.
        objects: More folders of objects.

    Raises:
        WorkspaceNotSeen: it took too long, or a part of it cannot be read.
        GitFailed, OSError: git does not work in the project, or the disk refused.
    """
    found = uncommitted_changes(
        repository, path, commit=commit, seconds=seconds, objects=objects, filters=filters
    )
    return [shown(it) for it in found.work]
