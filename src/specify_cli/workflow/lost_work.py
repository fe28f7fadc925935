"""Detect recorded work whose branch does not exist any more."""

from __future__ import annotations

from specify_cli.core.events import UNRECORDED
from specify_cli.core.lanes import FINISHED, Lane
from specify_cli.errors import LaneLost
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.workflow.mission import OpenMission
from specify_cli.workflow.package_commits import PackageCommits

BEGUN = frozenset(
    {Lane.IN_PROGRESS, Lane.FOR_REVIEW, Lane.IN_REVIEW, Lane.APPROVED, Lane.DONE, Lane.BLOCKED}
)


def check_start(repository: Repository, mission: OpenMission, wp_id: str) -> None:
    """Require that every branch that the package's start needs exists.

    A package that is planned or canceled has no work to lose, and neither has one without a recorded base.

    Raises:
        LaneLost: a branch does not exist, or git cannot read one.
    """
    lane_id = mission.lane_ids[wp_id]
    mates = {x for x in mission.packages if mission.lane_ids[x] == lane_id}
    _check(repository, mission, wp_id, needed=mates | finished_dependencies(mission, wp_id))


def check_work(repository: Repository, mission: OpenMission, wp_id: str) -> None:
    """Require that the branch of the package's work exists, unless it was merged.

    Raises:
        LaneLost: it does not exist, or git cannot read it.
    """
    if mission.state_of(wp_id).lane is not Lane.DONE:
        _check(repository, mission, wp_id, needed={wp_id})


def _check(repository: Repository, mission: OpenMission, wp_id: str, *, needed: set[str]) -> None:
    own_branch = mission.workspace(wp_id).branch
    commits = PackageCommits(repository, mission)
    owners: dict[str, list[str]] = {}
    for other in sorted(needed):
        state = mission.state_of(other)
        if state.base_ref is not None and state.lane in BEGUN and not _is_kept(commits, other):
            owners.setdefault(mission.workspace(other).branch, []).append(other)
    try:
        tips = repository.lane_tips([own_branch, *owners])
    except GitFailed as error:
        raise _lost(mission, wp_id, str(error), code="branch_damaged") from error
    for branch, wp_ids in owners.items():
        if branch not in tips:
            code = "lane_lost" if branch == own_branch else "dependency_lost"
            raise _lost(mission, wp_id, _remedy(mission, branch, wp_ids), code=code)


def _is_kept(commits: PackageCommits, wp_id: str) -> bool:
    """Whether the package's work is kept without its branch, or there is none."""
    state = commits.mission.state_of(wp_id)
    if state.lane in FINISHED and state.commit != UNRECORDED:
        return state.commit is None or commits.repository.has_commit(state.commit)
    return state.lane is Lane.BLOCKED and commits.set_aside(wp_id) is not None


def finished_dependencies(mission: OpenMission, wp_id: str) -> set[str]:
    """Return the dependencies whose work the package builds on."""
    return {
        x
        for x in mission.package(wp_id).dependencies
        if x in mission.packages and mission.state_of(x).lane in FINISHED
    }


def _remedy(mission: OpenMission, branch: str, wp_ids: list[str]) -> str:
    named = ", ".join(wp_ids)
    if all(mission.state_of(x).lane is Lane.DONE for x in wp_ids):
        return (
            f"the branch {branch} with the work of {named}, which is done, does not exist: if"
            f" {mission.target_branch} has that work, run"
            f" 'git branch {branch} {mission.target_branch}', then try again"
        )
    return (
        f"the branch {branch} with the work of {named} does not exist any more: run"
        " 'git fsck --no-reflogs --lost-found' to list the commits that no branch has, create the branch"
        f" {branch} again at the right one with 'git branch', then try again; or move {named}"
        " back to planned and do the work again"
    )


def _lost(mission: OpenMission, wp_id: str, reason: str, *, code: str) -> LaneLost:
    workspace = mission.workspace(wp_id)
    return LaneLost(
        f"no workspace for {wp_id} at {workspace.path}: {reason}",
        reason=reason,
        reason_code=code,
        lane_id=workspace.lane_id,
    )
