"""The workspaces that are below `.worktrees`, and whose they are; found by their names alone."""

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
    """The names below `.worktrees` that a workspace of an execution lane can have.

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
    """What a cheap look at each of them sees.

    Raises:
        StorageFailed: `.worktrees` cannot be read.
    """
    return {it: branch_snapshot(project.worktrees / it, branch_of(it)) for it in names(project)}


def branch_of(name: str) -> str:
    """The branch of the execution lane whose workspace has that name."""
    return branch_of_mission(name)


@dataclass(frozen=True)
class WorkspaceIndex:
    """Knows whose the workspaces are; each mission is opened once, when it is asked for."""

    project: Project
    opened: dict[str, OpenMission] = field(default_factory=dict)

    @cached_property
    def _slugs(self) -> list[str]:
        return all_missions(self.project)

    def find(self, name: str) -> tuple[OpenMission, Workspace] | None:
        """The mission and the execution lane whose workspace has that name; None where none has.

        Raises:
            SpecKittyError: a mission that could have it is damaged, and no other one has it.
        """
        damage: SpecKittyError | None = None
        # Of `001-a-lane-b`, both `001` and `001-a` can be the mission.
        for slug in (it for it in self._slugs if name.startswith(f"{it}-")):
            try:
                mission = self._open(slug)
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

    def _open(self, slug: str) -> OpenMission:
        if slug not in self.opened:
            self.opened[slug] = open_mission(self.project, slug)
        return self.opened[slug]
