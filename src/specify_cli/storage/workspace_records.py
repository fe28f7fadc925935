"""The host's notes about each workspace that it made: its folder, and how it was made."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.files import folders
from specify_cli.files.atomic import publish, translated
from specify_cli.files.identity import Identity
from specify_cli.storage import project_files, record_folder
from specify_cli.storage.mission_identity import read_json
from specify_cli.storage.project import Project

_MOST_FOLDERS: Final = 16
_SUFFIX: Final = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceRecord:
    """A workspace, known by its name below `.worktrees`.

    Attributes:
        folders: The folders that the host made for this name, newest first.
        worktrees: The `.worktrees` folder that they were made in; a copy of the project has another
            one.
        commit: The commit that the newest was made at.
        is_shared: Whether the newest borrows the objects of the project.
    """

    folders: tuple[Identity, ...]
    worktrees: Identity
    commit: str
    is_shared: bool

    def followed_by(self, made: WorkspaceRecord) -> WorkspaceRecord:
        """Return the record of a new workspace of this name; earlier folders stay known."""
        is_moved = made.worktrees != self.worktrees
        known = () if is_moved else (x for x in self.folders if x not in made.folders)
        return replace(made, folders=(*made.folders, *known)[:_MOST_FOLDERS])


def read(project: Project, name: str) -> WorkspaceRecord | None:
    """Return the record of the workspace of that name; None if it is missing or damaged.

    Without a record the host uses only what it observes.

    Raises:
        StorageFailed: the disk fails.
    """
    with suppress(StateUnreadable, KeyError, TypeError, ValueError):
        content = read_json(_path(project, name), below=project.host_base)
        if not content:
            return None
        return WorkspaceRecord(
            folders=tuple(_identity(it) for it in content["folders"]),
            worktrees=_identity(content["worktrees"]),
            commit=str(content["commit"]),
            is_shared=bool(content["is_shared"]),
        )
    return None


def names(project: Project) -> dict[str, Path]:
    """Return the names of recorded workspaces, and the files.

    Raises:
        StorageFailed: the folder cannot be read.
    """
    folder = _path(project, "").parent
    try:
        found = project_files.names_in(folder, below=project.host_base)
    except OSError as error:
        raise StorageFailed(f"cannot list {folder}: {error.strerror}") from error
    return {it.removesuffix(_SUFFIX): folder / it for it in found if it.endswith(_SUFFIX)}


def remember(project: Project, name: str, made: WorkspaceRecord) -> None:
    """Record durably a workspace that is about to get the name.

    Raises:
        StorageFailed: the disk fails.
    """
    known = read(project, name)
    record = known.followed_by(made) if known else made
    content = {
        "folders": [(it.device, it.inode) for it in record.folders],
        "worktrees": (record.worktrees.device, record.worktrees.inode),
        "commit": record.commit,
        "is_shared": record.is_shared,
    }
    path = _path(project, name)
    record_folder.make_inside(path.parent, base=project.host_base)
    publish(path, json.dumps(content).encode(), mode=0o600, below=project.host_base, sweeps=True)


def forget(project: Project, name: str) -> bool:
    """Remove the record of the workspace; return whether there was one.

    Raises:
        StorageFailed: the disk fails.
    """
    path = _path(project, name)
    if not os.path.lexists(path):
        return False
    with translated(path, "remove"), folders.opened(path.parent, below=project.host_base) as folder:
        os.unlink(path.name, dir_fd=folder)
    return True


def _path(project: Project, name: str) -> Path:
    return project.workspaces / (name + _SUFFIX)


def _identity(content: Any) -> Identity:
    device, inode = content
    return Identity(device=int(device), inode=int(inode))
