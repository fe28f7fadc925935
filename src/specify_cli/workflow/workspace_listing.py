"""List the workspaces of a project without taking in commits or running git in a workspace."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from specify_cli.core import lane_schedule
from specify_cli.core.lanes import Lane
from specify_cli.errors import SpecKittyError, StorageFailed
from specify_cli.files.identity import identity
from specify_cli.storage.project import Project
from specify_cli.vcs import trash
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.workspace_files import has_alternates, reported_tip
from specify_cli.vcs.worktrees_folder import TRASH
from specify_cli.workflow import lane_folders, missing_workspaces, repositories, workspace_index
from specify_cli.workflow.lane_folders import Kind, LaneFolder
from specify_cli.workflow.missing_workspaces import MissingWorkspace
from specify_cli.workflow.mission import OpenMission, Workspace
from specify_cli.workflow.workspace_index import WorkspaceIndex


class WorkspaceKind(StrEnum):
    """What a folder below `.worktrees` is."""

    SHARED = "shared"
    COPIED = "copied"
    LINKED = "linked"
    NO_REPOSITORY = "no_repository"
    OTHER = "other"
    MISSING = "missing"


class Standing(StrEnum):
    """How the workspace's branch relates to the project's, according to the workspace."""

    IN_STEP = "in_step"
    NOT_TAKEN_IN = "not_taken_in"
    BEHIND = "behind"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedWorkspace:
    """One folder below `.worktrees`; unknown values are None."""

    name: str
    path: Path
    kind: WorkspaceKind
    standing: Standing = Standing.UNKNOWN
    slug: str | None = None
    lane_id: str | None = None
    branch: str | None = None
    tip: str | None = None
    wp_id: str | None = None
    package_lane: str | None = None
    holder: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrashEntry:
    """A workspace in the trash, which is removed after `until`."""

    path: Path
    name: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class WorkspaceListing:
    """List what is below `.worktrees`; nothing here writes."""

    project: Project

    def workspaces(self) -> list[ListedWorkspace]:
        """Return every workspace, including those without a mission and those that are missing.

        Raises:
            StorageFailed: `.worktrees` cannot be read, or git does not work in the project.
        """
        repository = repositories.look(self.project)
        if repository is None:
            return []
        index = WorkspaceIndex(self.project)
        found = [_listed(repository, index, name) for name in workspace_index.names(self.project)]
        try:
            return [*found, *map(_missing, missing_workspaces.find(repository, index))]
        except GitFailed as error:
            raise StorageFailed(f"the branches of the project cannot be listed: {error}") from error

    def trash(self) -> list[TrashEntry]:
        """Return replaced and removed workspaces that are still kept, oldest first.

        Raises:
            StorageFailed: the trash cannot be read.
            StateUnreadable: the settings are damaged.
        """
        folder = self.project.worktrees / TRASH
        kept = timedelta(days=self.project.settings.trash_days)
        try:
            if identity(self.project.worktrees) is None or identity(folder) is None:
                return []
            found = list(trash.entries(folder))
        except OSError as error:
            raise StorageFailed(f"cannot list {folder}: {error.strerror}") from error
        return [
            TrashEntry(path=it.path, name=it.name, since=it.since, until=_after(it.since, kept))
            for it in found
        ]


def _after(since: datetime, kept: timedelta) -> datetime:
    try:
        return since + kept
    except OverflowError:  # The date is out of range.
        return since


def _listed(repository: Repository, index: WorkspaceIndex, name: str) -> ListedWorkspace:
    path = index.project.worktrees / name
    listed = ListedWorkspace(name=name, path=path, kind=WorkspaceKind.OTHER)
    try:
        folder = lane_folders.look(index.project, repository, path)
        problem = f"it {folder.complaint(index.project)}" if folder.is_lost_worktree else None
        listed = replace(listed, kind=_kind(folder), problem=problem)
        owner = index.find(name)
        if owner is None:
            return listed
        mission, lane = owner
        return _in_full(repository, listed, mission=mission, lane=lane)
    except (SpecKittyError, GitFailed, OSError) as error:
        return replace(listed, problem=str(error))


def _missing(missing: MissingWorkspace) -> ListedWorkspace:
    return ListedWorkspace(
        name=missing.lane.path.name,
        path=missing.lane.path,
        kind=WorkspaceKind.MISSING,
        slug=missing.slug,
        lane_id=missing.lane.lane_id,
        branch=missing.lane.branch,
        wp_id=missing.wp_id,
        package_lane=Lane.IN_PROGRESS.value,
        holder=missing.holder,
        problem=missing.problem,
    )


def _kind(folder: LaneFolder) -> WorkspaceKind:
    git_dir = folder.path / ".git"
    if folder.kind is Kind.LINKED:
        return WorkspaceKind.LINKED
    if folder.folder is not None and not os.path.lexists(git_dir):
        return WorkspaceKind.NO_REPOSITORY
    if folder.kind is not Kind.WORKSPACE or identity(git_dir) is None:
        return WorkspaceKind.OTHER
    return WorkspaceKind.SHARED if has_alternates(folder.path) else WorkspaceKind.COPIED


def _in_full(
    repository: Repository, listed: ListedWorkspace, *, mission: OpenMission, lane: Workspace
) -> ListedWorkspace:
    mates = [x for x, lane_id in mission.lane_ids.items() if lane_id == lane.lane_id]
    wp_id = lane_schedule.occupant(mates, mission.state, besides="")
    state = mission.state_of(wp_id) if wp_id else None
    listed = replace(
        listed,
        slug=mission.slug,
        lane_id=lane.lane_id,
        branch=lane.branch,
        wp_id=wp_id,
        package_lane=state.lane.value if state else None,
        holder=(state.claimed_by or state.last_actor) if state else None,
    )
    if listed.kind in (WorkspaceKind.OTHER, WorkspaceKind.NO_REPOSITORY):
        return listed
    known = repository.lane_tips([lane.branch]).get(lane.branch)
    if listed.kind is WorkspaceKind.LINKED:
        return replace(listed, tip=known, standing=Standing.IN_STEP)
    tip = reported_tip(lane.path, lane.branch)
    return replace(listed, tip=tip, standing=_standing(repository, known, tip))


def _standing(repository: Repository, known: str | None, tip: str | None) -> Standing:
    if tip is None:
        return Standing.UNKNOWN
    if tip == known:
        return Standing.IN_STEP
    # The workspace may name any commit of the project, or one that the project lacks.
    if known and repository.has_commit(tip) and repository.is_ancestor(tip, known):
        return Standing.BEHIND
    return Standing.NOT_TAKEN_IN
