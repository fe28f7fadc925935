"""mark-merged: mark a mission as merged if its target has its work."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.commits_left import CommitsLeft, commits_left
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, Name, Words
from specify_cli.orchestrator_api.values import argument


class MarkMergedParams(Params):
    """Arguments of mark-merged."""

    mission: Name = argument(MISSION)
    actor: Words = argument(ACTOR)


class MarkMergedResult(MissionResult):
    """Data of mark-merged: `found_in` is the branch that has the work, `marked_wps` what was not done before."""

    found_in: str
    merged_wps: list[str]
    marked_wps: list[str]
    worktree_removed: bool
    warnings: list[str] | None = None
    commits_not_included: list[CommitsLeft] | None = None


def handle(params: MarkMergedParams, cause: Cause, services: UseCases) -> MarkMergedResult:
    """Mark the mission merged."""
    report, marked = services().pull_requests.mark_merged(
        params.mission, actor=params.actor, context=cause
    )
    return MarkMergedResult(
        **fields_of(report.mission),
        found_in=report.target_branch,
        merged_wps=list(report.merged),
        marked_wps=list(marked),
        worktree_removed=report.worktrees_removed,
        warnings=list(report.warnings) or None,
        commits_not_included=commits_left(report.commits_not_included),
    )


COMMAND = Command(
    name="mark-merged",
    params=MarkMergedParams,
    handle=handle,
    changes_state=True,
    takes_policy=True,
    is_for_people=True,
    example="spec-kitty mission mark-merged 001-search",
)
