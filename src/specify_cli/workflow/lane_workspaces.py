"""The worktree of a package's execution lane: what is there to see, and making it ready."""

from __future__ import annotations

from contextlib import suppress

from specify_cli.core.dependencies import in_order
from specify_cli.errors import LaneAllocationFailed, PreflightFailed, StorageFailed
from specify_cli.vcs import worktrees
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.worktrees import AllocationFailed
from specify_cli.workflow import lost_work, repositories
from specify_cli.workflow.opened import OpenMission
from specify_cli.workflow.outcomes import WorkspaceReport


def allocate(mission: OpenMission, wp_id: str) -> WorkspaceReport:
    """The package's worktree is on its branch, the tips of approved dependencies are merged into it.

    Raises: LaneAllocationFailed with the `reason`, LaneLost; StorageFailed.
    """
    place = mission.workspace(wp_id)
    try:
        with repositories.changing(mission.files.project) as repository:
            lost_work.check_start(repository, mission, wp_id)
            ready = worktrees.allocate(
                repository,
                path=place.path,
                branch=place.branch,
                mission_branch=place.mission_branch,
                target_branch=place.target_branch,
                merge_in=_dependency_branches(repository, mission, wp_id),
            )
            # After what may be refused: nothing is left of that.
            mission.write_lanes()
    except (AllocationFailed, GitFailed, PreflightFailed) as error:
        refused = error if isinstance(error, AllocationFailed) else AllocationFailed(str(error))
        raise LaneAllocationFailed(
            f"no workspace for {wp_id} at {place.path}: {refused.reason}",
            reason=refused.reason,
            reason_code=refused.code,
            files=list(refused.files),
            lane_id=place.lane_id,
        ) from error
    return _report(mission, wp_id, base_ref=ready.base_ref, exists=True)


def reopen(mission: OpenMission, wp_id: str) -> WorkspaceReport:
    """The worktree of a package that work has begun on, made again if it is gone, else untouched.

    Raises: LaneAllocationFailed with the `reason`, LaneLost.
    """
    found = inspect(mission, wp_id)
    return found if found.exists else allocate(mission, wp_id)


def inspect(mission: OpenMission, wp_id: str) -> WorkspaceReport:
    """Where the package is, or will be, worked on, without changing anything.

    Raises: LaneLost.
    """
    place = mission.workspace(wp_id)
    repository = repositories.look(mission.files.project)
    exists = False
    if repository is not None:
        lost_work.check_work(repository, mission, wp_id)
        exists = worktrees.exists(repository, place.path, place.branch)
    return _report(mission, wp_id, base_ref=mission.state_of(wp_id).base_ref, exists=exists)


def branch_tip(mission: OpenMission, wp_id: str) -> str | None:
    """The commit at the tip of the package's lane branch; None where there is no such branch."""
    with repositories.looking(mission.files.project) as repository:
        return repository.branch_tip(mission.workspace(wp_id).branch) if repository else None


def sees_implementation(mission: OpenMission, wp_id: str) -> bool | None:
    """True when the lane branch has a commit that the package's base has not; None without a branch."""
    with repositories.looking(mission.files.project) as repository:
        place = mission.workspace(wp_id)
        tip = repository.branch_tip(place.branch) if repository else None
        if repository is None or tip is None:
            return None
        base = mission.state_of(wp_id).base_ref or repository.branch_tip(place.mission_branch)
        return base is not None and _has_commits_beyond(repository, base, tip)


def _has_commits_beyond(repository: Repository, base: str, tip: str) -> bool:
    try:
        return repository.commits_between(base, tip) > 0
    except GitFailed:  # The branch was rewritten, and the commit that work began on is gone.
        return False


def _dependency_branches(repository: Repository, mission: OpenMission, wp_id: str) -> list[str]:
    """The lane branches with the work of approved dependencies, those they depend on first."""
    needed = lost_work.finished_dependencies(mission, wp_id)
    own = mission.workspace(wp_id).branch
    branches = [mission.workspace(x).branch for x in in_order(mission.graph) if x in needed]
    # One without a branch was approved without work.
    return list(repository.lane_tips(branch for branch in branches if branch != own))


def recommended_base(mission: OpenMission, wp_id: str) -> str | None:
    """The branch that holds the work of the dependency settled last; None where none left work."""
    newest_first = sorted(
        lost_work.finished_dependencies(mission, wp_id),
        key=lambda x: (mission.state_of(x).since or "", x),
        reverse=True,
    )
    with suppress(StorageFailed):  # Whoever starts the package is told.
        with_work = (x for x in newest_first if branch_tip(mission, x))
        last = next(with_work, None)
        return mission.workspace(last).branch if last else None
    return None


def _report(
    mission: OpenMission, wp_id: str, *, base_ref: str | None, exists: bool
) -> WorkspaceReport:
    return WorkspaceReport(
        mission=mission.identity,
        wp_id=wp_id,
        prompt_path=mission.package(wp_id).prompt_path,
        workspace=mission.workspace(wp_id),
        exists=exists,
        base_ref=base_ref,
    )
