"""Find the workspaces below `.worktrees` and their missions by name."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property

from specify_cli.errors import SpecKittyError, StorageFailed
from specify_cli.files.identity import identity
from specify_cli.storage.mission_files import all_missions
from specify_cli.storage.project import Project
from specify_cli.vcs.workspace_files import BranchSnapshot, branch_snapshot
from specify_cli.workflow.mission import OpenMission, Workspace, branch_of_mission, open_mission


def names(project: Project) -> list[str]:
    """Return the names below `.worktrees` that can be workspaces of execution lanes.

    Raises:
        StorageFailed: the folder cannot be read.
    """
    try:
        if identity(project.worktrees) is None:
            return []
        return sorted(it.name for it in os.scandir(project.worktrees) if it.name[0] != ".")
    except OSError as error:
        raise StorageFailed(f"cannot list {project.worktrees}: {error.strerror}") from error


def glances(project: Project) -> dict[str, BranchSnapshot]:
    """Return a cheap snapshot of each workspace's branch.

    Raises:
        StorageFailed: `.worktrees` cannot be read.
    """
    return {it: branch_snapshot(project.worktrees / it, branch_of(it)) for it in names(project)}


def branch_of(name: str) -> str:
    """Return the branch of the execution lane whose workspace has that name."""
    return branch_of_mission(name)


@dataclass(frozen=True)
class WorkspaceIndex:
    """Map names of workspaces to missions; each mission is opened at most once."""

    project: Project
    opened: dict[str, OpenMission] = field(default_factory=dict)

    @cached_property
    def _slugs(self) -> list[str]:
        return all_missions(self.project)

    def find(self, name: str) -> tuple[OpenMission, Workspace] | None:
        """Return the mission and the execution lane whose workspace has that name, if any.

        Raises:
            SpecKittyError: a mission that may have it is damaged, and no other mission has it.
        """
        damage: SpecKittyError | None = None
        # `001-a-lane-b` can belong to `001` or to `001-a`.
        for slug in (it for it in self._slugs if name.startswith(f"{it}-")):
            try:
                if slug not in self.opened:
                    self.opened[slug] = open_mission(self.project, slug)
                mission = self.opened[slug]
                lanes = (mission.lane_workspace(it.lane_id) for it in mission.lanes)
                lane = next((it for it in lanes if it.path.name == name), None)
            except SpecKittyError as error:
                damage = error
                continue
            if lane is not None:
                return mission, lane
        if damage:
            raise damage
        return None
