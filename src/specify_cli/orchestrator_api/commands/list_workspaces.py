"""list-workspaces: the workspaces of this project, and those in the trash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from specify_cli import clock
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, Result, UseCases

if TYPE_CHECKING:
    from specify_cli.workflow.workspace_listing import ListedWorkspace, TrashEntry


class ListWorkspacesParams(Params):
    """list-workspaces takes no arguments."""


class ListWorkspacesResult(Result):
    """Data of list-workspaces."""

    workspaces: list[dict[str, Any]]
    trash: list[dict[str, Any]]


def handle(params: ListWorkspacesParams, cause: Cause, services: UseCases) -> ListWorkspacesResult:
    """Every workspace by its name; in the trash, the oldest first."""
    listing = services().workspace_listing
    return ListWorkspacesResult(
        workspaces=[_workspace(it) for it in listing.workspaces()],
        trash=[_kept(it) for it in listing.trash()],
    )


def _workspace(listed: ListedWorkspace) -> dict[str, Any]:
    return {
        "workspace": listed.name,
        "mission_slug": listed.slug,
        "lane_id": listed.lane_id,
        "path": str(listed.path),
        "kind": listed.kind.value,
        "branch": listed.branch,
        "tip": listed.tip,
        "standing": listed.standing.value,
        "wp_id": listed.wp_id,
        "lane": listed.package_lane,
        "holder": listed.holder,
        "problem": listed.problem,
    }


def _kept(kept: TrashEntry) -> dict[str, Any]:
    return {
        "workspace": kept.name,
        "path": str(kept.path),
        "since": clock.as_text(kept.since),
        "until": clock.as_text(kept.until),
    }


COMMAND = Command(
    name="list-workspaces",
    params=ListWorkspacesParams,
    handle=handle,
    is_for_people=True,
    example="spec-kitty workspace list",
)
