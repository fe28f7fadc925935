"""Workspaces that are missing although their package is in progress."""

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
    """A missing workspace, and the package that is in progress in it."""

    slug: str
    lane: Workspace
    wp_id: str
    holder: str | None

    @property
    def problem(self) -> str:
        """The problem, and the command that creates the workspace again."""
        held = f" (held by {self.holder!r})" if self.holder else ""
        by = f" --actor {shlex.quote(self.holder)}" if self.holder else ""
        return (
            f"{self.wp_id} is in progress{held}, but its workspace {self.lane.path} does not exist; create it"
            f" again: spec-kitty implement {self.wp_id} --mission {shlex.quote(self.slug)}{by}"
        )


def find(repository: Repository, index: WorkspaceIndex) -> list[MissingWorkspace]:
    """Return the missing workspaces of branches that the project has; damaged missions are skipped.

    Only missions with such branches are opened.

    Raises:
        GitFailed: git does not work in the project.
        StorageFailed: `.worktrees` cannot be read.
    """
    present = workspace_index.names(index.project)
    listing = repository.git.run(
        "for-each-ref", "--format=%(refname:strip=2)", f"{HEADS}{_PREFIX}*"
    )
    names = {line.removeprefix(_PREFIX) for line in listing.lines}
    found = (_missing(index, name) for name in sorted(names.difference(present)))
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
