"""Faults in the isolation of workspaces, and leftovers of former workspaces."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from specify_cli.errors import StateUnreadable
from specify_cli.files.atomic import publish
from specify_cli.storage import record_location, workspace_records
from specify_cli.storage.project import Project
from specify_cli.storage.settings import HostSettings
from specify_cli.vcs import linked_worktrees, scratch_repository, workspace_objects
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import repositories
from specify_cli.workflow.doctor_findings import Finding, Severity, fixable, note, warning
from specify_cli.workflow.lane_folders import Kind, LaneFolder


def examine_workspaces(project: Project) -> Iterator[Finding]:
    """Report entries for workspaces that do not exist, and folders of killed git processes."""
    try:
        repository = Repository.find(project.root)
    except GitFailed:  # A fault of the repository is reported already.
        return
    if repository is None:
        return
    for path in _gone_records(project):
        what = "the host has an entry for a workspace of this name, which does not exist"
        yield fixable("workspace-record", path, what, severity=Severity.NOTE)
    for folder in scratch_repository.abandoned(repository):
        what = "a killed process of the host left the files here that it read from a workspace"
        yield fixable("scratch", folder, what, severity=Severity.NOTE)


def examine_folder(project: Project, folder: LaneFolder) -> Iterator[Finding]:
    """Report access that the agent in this workspace has and should not have."""
    settings = _settings(project)
    if _alternates(project, folder.path) is not None:
        what = (
            "the project was moved: git prints an error in this workspace, and git-lfs does not find the"
            " project's objects"
        )
        yield fixable("moved-objects", folder.path, what)
    if folder.kind is Kind.LINKED:
        what = (
            "the workspace is a linked worktree of a former version: any user who can write to its .git is"
            " trusted like the host"
        )
        repair = (
            "ignore this if those users are trusted; the next start in its execution lane replaces it when all"
            " work there is committed"
        )
        report = warning if settings.has_orchestrators else note
        yield report("linked-worktree", folder.path, what, repair=repair)
    elif settings.has_orchestrators and folder.record and folder.record.is_shared:
        what = (
            "the workspace shares the project's objects, so its agent can read every branch and stash,"
            " and .kitty/config.toml has [orchestrators]"
        )
        repair = (
            "remove workspace_objects from .kitty/config.toml, or set it to 'copy'; commit the work here,"
            " run 'spec-kitty sync', move the folder away, and start the package again"
        )
        yield warning("shared-objects", folder.path, what, repair=repair)


def forget_record(project: Project, path: Path) -> bool:
    """Remove the host's entry for a workspace that does not exist, and return whether there was one.

    Raises:
        PreflightFailed: there is no usable repository.
        StorageFailed: the disk refused.
    """
    with repositories.changing(project):
        gone = _gone_records(project).get(path)
        return gone is not None and workspace_records.forget(project, gone)


def connect_again(project: Project, path: Path) -> bool:
    """Connect the linked worktree of a moved project, and return whether it is connected.

    Raises:
        PreflightFailed: there is no usable repository.
        StorageFailed: the disk refused.
    """
    around = record_location.around(project.root)
    with repositories.changing(project):
        return around is not None and linked_worktrees.reconnect(around[1], path)


def write_alternates(project: Project, path: Path) -> bool:
    """Name the project's objects by its present path, and return whether that was needed.

    Raises:
        PreflightFailed: there is no usable repository.
        StorageFailed: the disk refused.
    """
    with repositories.changing(project):
        data = _alternates(project, path)
        if data is not None:
            publish(path / ".git" / workspace_objects.ALTERNATES, data, below=project.worktrees)
    return data is not None


def _alternates(project: Project, path: Path) -> bytes | None:
    around = record_location.around(project.root)
    return workspace_objects.alternates_after_move(around[1], path) if around else None


def remove_scratch(project: Project, path: Path) -> bool:
    """Remove the folder of a killed process, and return whether it is gone.

    Raises:
        PreflightFailed: there is no usable repository.
        StorageFailed: the disk refused.
    """
    with repositories.changing(project):  # This removes such folders first.
        return not path.exists()


def _gone_records(project: Project) -> dict[Path, str]:
    """Map the file of each entry whose workspace does not exist to the workspace's name."""
    try:
        known = workspace_records.names(project)
    except StateUnreadable:  # A fault of the host's folder is reported already.
        return {}
    return {
        path: name for name, path in known.items() if not os.path.lexists(project.worktrees / name)
    }


def _settings(project: Project) -> HostSettings:
    try:
        return project.settings
    except StateUnreadable:  # Reported already.
        return HostSettings()
