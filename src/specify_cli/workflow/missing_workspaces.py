"""Workspaces that are not there, although somebody works on a package in them."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import dataclass

from specify_cli.core.lanes import Lane
from specify_cli.errors import SpecKittyError
from specify_cli.vcs.checkouts import HEADS
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import workspace_index
from specify_cli.workflow.mission import Workspace
from specify_cli.workflow.workspace_index import WorkspaceIndex

_PREFIX = workspace_index.branch_of("")


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingWorkspace:
    """A workspace that is not there, and the package that is in progress in it."""

    slug: str
    lane: Workspace
    wp_id: str
    holder: str | None

    @property
    def problem(self) -> str:
        """What is told of it, with the command that makes it anew."""
        held = f" for {self.holder!r}" if self.holder else ""
        by = f" --actor {shlex.quote(self.holder)}" if self.holder else ""
        return (
            f"{self.wp_id} is in progress{held}, and its workspace {self.lane.path} is not there; make it"
            f" anew: spec-kitty implement {self.wp_id} --mission {shlex.quote(self.slug)}{by}"
        )


def find(repository: Repository, index: WorkspaceIndex) -> list[MissingWorkspace]:
    """Those whose branch the project has, so that only missions with such branches are opened.

    A mission that is damaged is left out.

    Raises:
        GitFailed: git does not work in the project.
        StorageFailed: `.worktrees` cannot be read.
    """
    there = workspace_index.names(index.project)
    told = repository.git.run("for-each-ref", "--format=%(refname:strip=2)", f"{HEADS}{_PREFIX}*")
    names = {line.removeprefix(_PREFIX) for line in told.lines}
    found = (_missing(index, name) for name in sorted(names.difference(there)))
    return [it for it in found if it is not None]


def _missing(index: WorkspaceIndex, name: str) -> MissingWorkspace | None:
    with suppress(SpecKittyError):
        owner = index.find(name)
        if owner is None:
            return None
        mission, lane = owner
        for wp_id in (x for x, it in mission.lane_ids.items() if it == lane.lane_id):
            state = mission.state_of(wp_id)
            if state.lane is Lane.IN_PROGRESS:
                return MissingWorkspace(
                    slug=mission.slug, lane=lane, wp_id=wp_id, holder=state.claimed_by
                )
    return None
