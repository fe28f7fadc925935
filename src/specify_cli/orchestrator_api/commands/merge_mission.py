"""merge-mission: merge a mission into its target branch."""

from __future__ import annotations

from specify_cli.core.move_intent import MergeOptions
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.commits_left import CommitsLeft, commits_left
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, Name, Words
from specify_cli.orchestrator_api.values import argument


class MergeMissionParams(Params):
    """Arguments of merge-mission."""

    mission: Name = argument(MISSION)
    target: Name | None = argument(
        "Branch to merge into. Default: the mission's target.", default=None
    )
    strategy: str = argument("merge, squash or rebase. Default: merge.", default="merge")
    push: bool = argument("Also push the target branch to origin.", default=False)
    actor: Words | None = argument(ACTOR, default=None)


class MergeMissionResult(MissionResult):
    """Data of merge-mission."""

    merged: bool
    target_branch: str
    strategy: str
    merged_wps: list[str]
    worktree_removed: bool
    commit: str | None
    canceled_wps: list[str]
    warnings: list[str] | None = None
    commits_not_included: list[CommitsLeft] | None = None


def handle(params: MergeMissionParams, cause: Cause, services: UseCases) -> MergeMissionResult:
    """Merge the mission."""
    options = MergeOptions(
        target=params.target, strategy=params.strategy, push=params.push, actor=params.actor
    )
    report = services().merging.merge(params.mission, options, cause)
    return MergeMissionResult(
        **fields_of(report.mission),
        merged=True,
        target_branch=report.target_branch,
        strategy=report.strategy,
        merged_wps=list(report.merged),
        worktree_removed=report.worktrees_removed,
        commit=report.commit,
        canceled_wps=list(report.canceled),
        warnings=list(report.warnings) or None,
        commits_not_included=commits_left(report.commits_not_included),
    )


COMMAND = Command(
    name="merge-mission",
    params=MergeMissionParams,
    handle=handle,
    changes_state=True,
    takes_policy=True,
    example="spec-kitty orchestrator-api merge-mission --mission 001-search --strategy squash",
)
