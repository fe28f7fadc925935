"""resolve-workspace: the workspace of a package, existing or planned."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import MISSION, PACKAGE, Name
from specify_cli.orchestrator_api.values import argument


class ResolveWorkspaceParams(Params):
    """Arguments of resolve-workspace."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)


class ResolveWorkspaceResult(MissionResult):
    """Data of resolve-workspace."""

    wp_id: str
    workspace_path: str
    prompt_path: str
    workspace_exists: bool
    lane_id: str
    lane_branch: str
    lane_base_ref: str | None


def handle(
    params: ResolveWorkspaceParams, cause: Cause, services: UseCases
) -> ResolveWorkspaceResult:
    """Return the workspace, branch and prompt; create nothing."""
    report = services().work_packages.resolve_workspace(params.mission, params.wp)
    return ResolveWorkspaceResult(
        **fields_of(report.mission),
        wp_id=report.wp_id,
        workspace_path=str(report.workspace.path),
        prompt_path=str(report.prompt_path),
        workspace_exists=report.exists,
        lane_id=report.workspace.lane_id,
        lane_branch=report.workspace.branch,
        lane_base_ref=report.base_ref,
    )


COMMAND = Command(
    name="resolve-workspace",
    params=ResolveWorkspaceParams,
    handle=handle,
    example="spec-kitty orchestrator-api resolve-workspace --mission 001-search --wp WP01",
)
