"""The files in a mission's folder that the host writes: its log, and `lanes.json`."""

from __future__ import annotations

from pathlib import Path

from specify_cli import batch
from specify_cli.core import lane_plan
from specify_cli.core.lane_plan import ExecutionLane
from specify_cli.storage import lane_plans, project_files
from specify_cli.storage.mission_files import LanesFile
from specify_cli.workflow.mission import OpenMission


def host_contents(mission: OpenMission) -> dict[Path, bytes | None]:
    """Return the contents of the files according to the record; None for a file that does not exist.

    Raises:
        StateUnreadable, StorageFailed: the state of the project cannot be read.
    """
    files = mission.files
    plans = files.log.plans()
    return {
        files.log.path: files.log.lines() or None,
        files.lanes_path: lane_plans.projected(files, _lanes_file(mission, plans[-1]))
        if plans
        else project_files.read_if_there(files.lanes_path, below=files.project.root),
    }


def write_lanes(mission: OpenMission, *, repairs: bool = False) -> None:
    """Record the current plan of execution lanes, and write `lanes.json` where that is allowed.

    With `repairs`, which a person asks for, replace the file whatever its content is.

    Raises:
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    planned = _lanes_file(mission, lane_plans.encoded(mission.lanes))
    lane_plans.keep(mission.files, planned, before=mission.log.plan, repairs=repairs)


def replanned(mission: OpenMission, *, without: str | None = None) -> OpenMission:
    """Record a plan in which the package `without` has left its execution lane; return the mission with it.

    If the mission still has that package, it is planned like a new one. An execution lane that only
    it had is dropped.

    Raises:
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    if not mission.log.plan:
        return mission
    lanes = lane_plans.known_lanes(mission.files, mission.log.plan, mission.packages)
    left = [it._replace(wp_ids=tuple(x for x in it.wp_ids if x != without)) for it in lanes]
    kept = [now for now, was in zip(left, lanes, strict=True) if now.wp_ids or not was.wp_ids]
    scopes = [mission.scope_of(x) for x in mission.packages]
    plan = lane_plan.plan_lanes(scopes, kept)
    # A package that is alone again keeps the name of its execution lane.
    home = next((it.lane_id for it in lanes if it.wp_ids == (without,)), "")
    alone = [it._replace(lane_id=home) if home and it.wp_ids == (without,) else it for it in plan]
    plan = lane_plan.plan_lanes(scopes, sorted(alone, key=_place))
    whole = mission.changed(log=mission.log._replace(plan=lane_plans.encoded(plan)))
    content = _lanes_file(whole, whole.log.plan)
    lane_plans.keep(mission.files, content, before=mission.log.plan)
    return whole


def _place(lane: ExecutionLane) -> tuple[int, str]:
    """Return the place of the lane in the order of names: lane-z comes before lane-aa."""
    return len(lane.lane_id), lane.lane_id


def restore_lanes(mission: OpenMission) -> None:
    """Write the missing `lanes.json` from the plan in the record, where that is allowed.

    Raises:
        StateUnreadable: the state of the project is damaged.
        NotInBatch: the request cannot be handled in a batch.
    """
    batch.require_none()
    lane_plans.bring_up(mission.files, _lanes_file(mission, mission.log.plan))


def _lanes_file(mission: OpenMission, plan: bytes) -> LanesFile:
    return LanesFile(
        mission_slug=mission.slug,
        mission_branch=mission.mission_branch,
        target_branch=mission.target_branch,
        lanes=lane_plans.lanes_in(plan),
    )
