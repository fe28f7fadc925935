"""What stands in the way of a merge, and what it would merge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from specify_cli.core.dependencies import in_order
from specify_cli.core.lanes import Lane
from specify_cli.errors import PreflightFailed
from specify_cli.vcs import worktrees
from specify_cli.vcs.merge import LaneTip
from specify_cli.vcs.repository import Repository
from specify_cli.workflow.accepting import incomplete
from specify_cli.workflow.opened import OpenMission, Workspace


def problems(repository: Repository, mission: OpenMission, target: str) -> Iterator[str]:
    """Everything that can be seen before the merge is computed, one sentence each."""
    for lane in lane_workspaces(mission):
        is_there = worktrees.exists(repository, lane.path, lane.branch)
        if is_there and worktrees.has_uncommitted_work(lane.path):
            yield f"{lane.path} holds uncommitted work: commit or discard it there"
    if repository.branch_tip(target) is None:
        yield f"there is no branch {target!r} to merge into: create it, or name another"
    unfinished = incomplete(mission)
    for wp_id in unfinished:
        yield f"{wp_id} is {mission.state_of(wp_id).lane}: it must be approved or done"
    if not unfinished and not finished(mission):
        yield f"mission {mission.slug} has no package that is approved or done"


def finished(mission: OpenMission) -> list[str]:
    """The packages that are approved or done, each after what it depends on."""
    settled = (Lane.APPROVED, Lane.DONE)
    return [x for x in in_order(mission.graph) if mission.state_of(x).lane in settled]


def tips(repository: Repository, mission: OpenMission) -> list[LaneTip]:
    """The lanes with finished work, each after the lanes that its packages depend on."""
    lane_ids = dict.fromkeys(mission.lane_ids[wp_id] for wp_id in finished(mission))
    places = [mission.lane_workspace(lane_id) for lane_id in lane_ids]
    commits = {place.branch: repository.branch_tip(place.branch) for place in places}
    return [
        LaneTip(lane_id=place.lane_id, branch=place.branch, commit=commit)
        for place in places
        if (commit := commits[place.branch])
    ]


def lane_workspaces(mission: OpenMission) -> list[Workspace]:
    """The worktree and branch of every execution lane."""
    return [mission.lane_workspace(lane.lane_id) for lane in mission.lanes]


def refuse(obstacles: Sequence[str], **details: object) -> None:
    """Passes when there are none.

    Raises: PreflightFailed naming them all.
    """
    if obstacles:
        raise PreflightFailed("; ".join(obstacles), errors=list(obstacles), **details)
