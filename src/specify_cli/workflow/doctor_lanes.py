"""Faults in the plan of a mission's execution lanes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from specify_cli.core.lanes import Lane
from specify_cli.errors import StateUnreadable
from specify_cli.storage import lane_plans
from specify_cli.workflow.doctor_elsewhere import way_back
from specify_cli.workflow.doctor_findings import Finding, Severity, error, fixable, note
from specify_cli.workflow.doctor_git import UNDER_WAY
from specify_cli.workflow.mission import OpenMission

BEGUN = UNDER_WAY | {Lane.DONE}
_OLDER = "the plan of lanes is older than the packages"


def examine_lanes(mission: OpenMission, *, is_chosen: bool) -> Iterator[Finding]:
    """A plan that is missing, is older than the packages, or that somebody edited in `lanes.json`.

    On another branch than the mission's log was last written on, only the file of a mission that `is_chosen` is
    written.

    Raises: StorageFailed; StateUnreadable where the log cannot be read.
    """
    if not mission.log.plan:
        yield from _examine_file(mission)
        return
    files = mission.files
    standing = lane_plans.standing_of(files, mission.lanes)
    if standing == lane_plans.EDITED:
        what = "it is not what the host planned, which counts"
        yield fixable("lanes", files.lanes_path, what)
    elif standing and files.log.hindrance():
        what = f"it is {standing}, and the host does not write it now, {files.log.hindrance()}"
        found = note("lanes", files.lanes_path, what, repair=way_back(files.log))
        yield replace(found, is_fixable=is_chosen)
    elif standing == lane_plans.MISSING:
        what = "it is missing; the host knows the plan, and writes it with the next change"
        yield fixable("lanes", files.lanes_path, what)
    elif standing:
        yield fixable("lanes", files.lanes_path, _OLDER, severity=Severity.NOTE)


def _examine_file(mission: OpenMission) -> Iterator[Finding]:
    """The same where the file alone has the plan, as an older release leaves it."""
    path = mission.files.lanes_path
    try:
        planned = mission.files.lanes()
    except StateUnreadable as fault:
        repair = "correct it by hand or restore it from git"
        yield error("lanes", path, fault.message, repair=repair)
        return
    has_begun = any(mission.state_of(wp_id).lane in BEGUN for wp_id in mission.packages)
    if planned is None and has_begun:
        yield fixable("lanes", path, "work has begun, and there is no plan of lanes")
    elif planned is not None and tuple(planned.lanes) != tuple(mission.lanes):
        yield fixable("lanes", path, _OLDER, severity=Severity.NOTE)
