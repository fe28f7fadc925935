"""sync-workspaces: fetch the commits of workspaces into the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, Result, UseCases
from specify_cli.orchestrator_api.texts import MISSION, Name
from specify_cli.orchestrator_api.values import Value, argument

if TYPE_CHECKING:
    from specify_cli.workflow.syncing import SyncResult


class SyncWorkspacesParams(Params):
    """Arguments of sync-workspaces."""

    mission: Name | None = argument(MISSION, default=None)
    keeps_checkouts: bool = argument(
        "Do not change a branch that the project has checked out.", default=False
    )
    workspaces: list[Name] | None = argument("Names below .worktrees. Default: all.", default=None)


class WorkspaceSynced(Value):
    """What came from one workspace: `commits` from `old` to `new`; or the `problem`."""

    workspace: str
    mission_slug: str | None
    lane_id: str | None
    path: str | None
    branch: str | None
    outcome: str
    old: str | None
    new: str | None
    commits: int
    problem: str | None
    reason_code: str | None

    @classmethod
    def of(cls, synced: SyncResult) -> WorkspaceSynced:
        """The wire form."""
        lane = synced.lane
        return cls(
            workspace=synced.name,
            mission_slug=synced.slug or None,
            lane_id=lane.lane_id if lane else None,
            path=str(lane.path) if lane else None,
            branch=lane.branch if lane else None,
            outcome=synced.outcome.value,
            old=synced.old,
            new=synced.new,
            commits=synced.commits,
            problem=synced.problem,
            reason_code=synced.code,
        )


class SyncWorkspacesResult(Result):
    """Data of sync-workspaces; `refused` counts those whose commits did not come in."""

    refused: int
    workspaces: list[WorkspaceSynced]


def handle(params: SyncWorkspacesParams, cause: Cause, services: UseCases) -> SyncWorkspacesResult:
    """What came from each workspace."""
    found = services().syncing.take_in_all(
        params.mission, only=params.workspaces, moves_checkouts=not params.keeps_checkouts
    )
    listed = [WorkspaceSynced.of(it) for it in found]
    return SyncWorkspacesResult(
        refused=sum(it.problem is not None for it in listed), workspaces=listed
    )


COMMAND = Command(
    name="sync-workspaces",
    params=SyncWorkspacesParams,
    handle=handle,
    is_for_people=True,
    example="spec-kitty sync --mission 001-search",
)
