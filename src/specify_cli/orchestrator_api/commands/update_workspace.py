"""update-workspace: merge the target and approved work into the execution lane of a package."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, PACKAGE, Name, Words
from specify_cli.orchestrator_api.values import argument


class UpdateWorkspaceParams(Params):
    """Arguments of update-workspace."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)
    actor: Words = argument(ACTOR)
    others: list[Name] | None = argument("Approved packages to merge, too.", default=None)


class UpdateWorkspaceResult(MissionResult):
    """Data of update-workspace; `merged` names what the execution lane did not have before."""

    wp_id: str
    workspace_path: str
    lane_branch: str
    target_branch: str
    commit: str
    merged: list[str]
    warnings: list[str] | None = None


def handle(
    params: UpdateWorkspaceParams, cause: Cause, services: UseCases
) -> UpdateWorkspaceResult:
    """Update the execution lane."""
    report = services().updating.update(
        params.mission, params.wp, actor=params.actor, others=params.others or [], context=cause
    )
    return UpdateWorkspaceResult(
        **fields_of(report.mission),
        wp_id=report.wp_id,
        workspace_path=str(report.workspace.path),
        lane_branch=report.workspace.branch,
        target_branch=report.workspace.target_branch,
        commit=report.commit,
        merged=list(report.merged),
        warnings=list(report.warnings) or None,
    )


COMMAND = Command(
    name="update-workspace",
    params=UpdateWorkspaceParams,
    handle=handle,
    changes_state=True,
    takes_policy=True,
    is_for_people=True,
    example="spec-kitty update WP02 --with WP01",
)
