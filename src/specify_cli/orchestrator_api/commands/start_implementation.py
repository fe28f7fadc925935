"""start-implementation: from planned to in_progress in one step, with a workspace to work in."""

from __future__ import annotations

from specify_cli.core.lanes import Lane
from specify_cli.core.move_intent import MoveIntent
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import (
    Cause,
    Command,
    MissionResult,
    UseCases,
    always,
    fields_of,
)
from specify_cli.orchestrator_api.feedback_given import FeedbackGiven
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, PACKAGE, Name, Words
from specify_cli.orchestrator_api.values import argument


class StartImplementationParams(Params):
    """Arguments of start-implementation."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)
    actor: Words = argument(ACTOR)


class StartImplementationResult(MissionResult):
    """Data of start-implementation."""

    wp_id: str
    from_lane: str
    to_lane: str
    workspace_path: str
    prompt_path: str
    policy_metadata_recorded: bool
    no_op: bool
    lane_id: str
    lane_branch: str
    lane_base_ref: str | None
    feedback: FeedbackGiven | None = None
    warnings: list[str] | None = None


def handle(
    params: StartImplementationParams, cause: Cause, services: UseCases
) -> StartImplementationResult:
    """Move the package to in_progress for the actor, and prepare its workspace."""
    intent = MoveIntent(wp_id=params.wp, actor=params.actor, to=Lane.IN_PROGRESS)
    report = services().work_packages.start_implementation(params.mission, intent, cause)
    move, place = report.move, report.workspace
    return StartImplementationResult(
        **fields_of(move.mission),
        wp_id=move.wp_id,
        from_lane=move.from_lane.value,
        to_lane=move.to_lane.value,
        workspace_path=str(place.workspace.path),
        prompt_path=str(move.prompt_path),
        policy_metadata_recorded=move.policy_recorded,
        no_op=move.no_op,
        lane_id=place.workspace.lane_id,
        lane_branch=place.workspace.branch,
        lane_base_ref=place.base_ref,
        feedback=FeedbackGiven.of(report.feedback),
        warnings=list(move.warnings) or None,
    )


COMMAND = Command(
    name="start-implementation",
    params=StartImplementationParams,
    handle=handle,
    changes_state=True,
    takes_policy=True,
    needs_policy=always,
    example=(
        "spec-kitty orchestrator-api start-implementation --mission 001-search --wp WP01"
        ' --actor nightly --policy "$POLICY"'
    ),
)
