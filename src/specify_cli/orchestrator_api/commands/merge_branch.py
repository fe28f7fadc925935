"""merge-branch: merge a mission on a separate branch, for a pull request."""

from __future__ import annotations

from specify_cli.core.move_intent import MergeOptions
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import MISSION, Name
from specify_cli.orchestrator_api.values import argument


class MergeBranchParams(Params):
    """Arguments of merge-branch."""

    mission: Name = argument(MISSION)
    branch: Name = argument("Branch to merge on.")
    target: Name | None = argument(
        "Branch to start from. Default: the mission's target.", default=None
    )
    strategy: str = argument("merge, squash or rebase. Default: merge.", default="merge")
    push: bool = argument("Also push the branch to origin.", default=False)


class MergeBranchResult(MissionResult):
    """Data of merge-branch; `push_problem` says why the branch was not pushed."""

    branch: str
    target_branch: str
    commit: str
    is_new: bool
    wps: list[str]
    push_problem: str | None = None


def handle(params: MergeBranchParams, cause: Cause, services: UseCases) -> MergeBranchResult:
    """Merge on the branch."""
    options = MergeOptions(target=params.target, strategy=params.strategy, push=params.push)
    report = services().pull_requests.merge_on(
        params.mission, params.branch, options, context=cause
    )
    return MergeBranchResult(
        **fields_of(report.mission),
        branch=report.branch,
        target_branch=report.target,
        commit=report.commit,
        is_new=report.is_new,
        wps=list(report.packages),
        push_problem=report.push_problem,
    )


COMMAND = Command(
    name="merge-branch",
    params=MergeBranchParams,
    handle=handle,
    changes_state=True,
    takes_policy=True,
    is_for_people=True,
    example="spec-kitty merge --branch search --push",
)
