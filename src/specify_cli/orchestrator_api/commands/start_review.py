"""start-review: claim the review of a package."""

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
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, PACKAGE, Name, Words
from specify_cli.orchestrator_api.values import argument


class StartReviewParams(Params):
    """Arguments of start-review."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)
    actor: Words = argument(ACTOR)
    review_ref: str | None = argument("Reference of the review, to record.", default=None)


class StartReviewResult(MissionResult):
    """Data of start-review."""

    wp_id: str
    from_lane: str
    to_lane: str
    prompt_path: str
    policy_metadata_recorded: bool
    no_op: bool
    outside_owned_files: list[str] | None = None
    warnings: list[str] | None = None
    commit: str | None = None


def handle(params: StartReviewParams, cause: Cause, services: UseCases) -> StartReviewResult:
    """Move the package to in_review for the actor."""
    intent = MoveIntent(
        wp_id=params.wp, actor=params.actor, to=Lane.IN_REVIEW, review_ref=params.review_ref
    )
    report = services().work_packages.start_review(params.mission, intent, cause)
    return StartReviewResult(
        **fields_of(report.mission),
        wp_id=report.wp_id,
        from_lane=report.from_lane.value,
        to_lane=report.to_lane.value,
        prompt_path=str(report.prompt_path),
        policy_metadata_recorded=report.policy_recorded,
        no_op=report.no_op,
        outside_owned_files=list(report.outside_owned_files) or None,
        warnings=list(report.warnings) or None,
        commit=report.commit,
    )


COMMAND = Command(
    name="start-review",
    params=StartReviewParams,
    handle=handle,
    changes_state=True,
    takes_policy=True,
    needs_policy=always,
    example=(
        "spec-kitty orchestrator-api start-review --mission 001-search --wp WP01"
        ' --actor nightly --policy "$POLICY"'
    ),
)
