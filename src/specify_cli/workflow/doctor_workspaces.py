"""What stands between the host and whoever works in a workspace, and what is left of former ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from specify_cli.errors import StateUnreadable
from specify_cli.storage import workspace_records
from specify_cli.storage.project import Project
from specify_cli.storage.settings import HostSettings
from specify_cli.vcs import scratch_repository
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import repositories
from specify_cli.workflow.doctor_findings import Finding, Severity, fixable, note, warning
from specify_cli.workflow.lane_folders import Kind, LaneFolder


def examine_workspaces(project: Project) -> Iterator[Finding]:
    """Records of workspaces that are gone, and what dead hosts were reading."""
    try:
        repository = Repository.find(project.root)
    except GitFailed:  # A finding about the repository already.
        return
    if repository is None:
        return
    for path in _gone_records(project):
        what = "the host remembers a workspace of this name, and there is none any more"
        yield fixable("workspace-record", path, what, severity=Severity.NOTE)
    for folder in scratch_repository.abandoned(repository):
        what = "a killed process of the host left here what it read from a workspace"
        yield fixable("scratch", folder, what, severity=Severity.NOTE)


def examine_folder(project: Project, folder: LaneFolder) -> Iterator[Finding]:
    """What whoever works in the workspace of an execution lane can do that they should not."""
    settings = _settings(project)
    if folder.kind is Kind.LINKED:
        what = (
            "it is a linked worktree of a former version: whoever can write its .git is trusted as the"
            " host is"
        )
        repair = (
            "nothing, if that user is trusted; the next start in its execution lane replaces it, once nothing is"
            " uncommitted there"
        )
        told = warning if settings.has_orchestrators else note
        yield told("linked-worktree", folder.path, what, repair=repair)
    elif settings.has_orchestrators and folder.record and folder.record.is_shared:
        what = (
            "it shares the objects of the project, so whoever works in it can read every branch and"
            " stash, and .kitty/config.toml has [orchestrators]"
        )
        repair = (
            "leave workspace_objects out of .kitty/config.toml, or set it to 'copy'; commit what is"
            " here, run 'spec-kitty sync', move the folder away, and start the package again"
        )
        yield warning("shared-objects", folder.path, what, repair=repair)


def forget_record(project: Project, path: Path) -> bool:
    """Whether the record of a workspace that is gone was removed.

    Raises: PreflightFailed, StorageFailed.
    """
    with repositories.changing(project):
        gone = _gone_records(project).get(path)
        return gone is not None and workspace_records.forget(project, gone)


def remove_scratch(project: Project, path: Path) -> bool:
    """Whether what a dead process left is gone.

    Raises: PreflightFailed, StorageFailed.
    """
    with repositories.changing(project):  # Which begins with it.
        return not path.exists()


def _gone_records(project: Project) -> dict[Path, str]:
    """The files of records whose workspace is gone, and its name."""
    try:
        known = workspace_records.names(project)
    except StateUnreadable:  # A finding about the host's folder already.
        return {}
    places = ((path, name, project.worktrees / name) for name, path in known.items())
    return {path: name for path, name, place in places if not os.path.lexists(place)}


def _settings(project: Project) -> HostSettings:
    try:
        return project.settings
    except StateUnreadable:  # A finding already.
        return HostSettings()
