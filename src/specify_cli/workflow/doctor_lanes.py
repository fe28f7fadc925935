"""Faults in a mission's plan of execution lanes."""

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
_OLDER = "the plan of execution lanes is older than the packages"


def examine_lanes(mission: OpenMission, *, is_chosen: bool) -> Iterator[Finding]:
    """Report a plan that is missing, older than the packages, or edited in `lanes.json`.

    On a branch other than the one that the log was last written on, a repair writes only the file of a
    mission that `is_chosen`.

    Raises:
        StateUnreadable: the log is damaged.
        StorageFailed: the disk refused.
    """
    if not mission.log.plan:
        yield from _examine_file(mission)
        return
    files = mission.files
    standing = lane_plans.standing_of(files, mission.lanes)
    if standing == lane_plans.EDITED:
        what = "somebody edited the plan of execution lanes; the host uses its own plan"
        yield fixable("lanes", files.lanes_path, what)
    elif standing and files.log.hindrance():
        what = (
            f"the file is {standing}, and the host does not write it now, {files.log.hindrance()}"
        )
        found = note("lanes", files.lanes_path, what, repair=way_back(files.log))
        yield replace(found, is_fixable=is_chosen)
    elif standing == lane_plans.MISSING:
        what = "the file is missing; the host has the plan and writes it with the next change"
        yield fixable("lanes", files.lanes_path, what)
    elif standing:
        yield fixable("lanes", files.lanes_path, _OLDER, severity=Severity.NOTE)


def _examine_file(mission: OpenMission) -> Iterator[Finding]:
    """Check a plan that only the file has, as an older release leaves it."""
    path = mission.files.lanes_path
    try:
        planned = mission.files.lanes()
    except StateUnreadable as fault:
        repair = "correct it by hand or restore it from git"
        yield error("lanes", path, fault.message, repair=repair)
        return
    has_begun = any(mission.state_of(wp_id).lane in BEGUN for wp_id in mission.packages)
    if planned is None and has_begun:
        yield fixable("lanes", path, "work has begun without a plan of execution lanes")
    elif planned is not None and tuple(planned.lanes) != tuple(mission.lanes):
        yield fixable("lanes", path, _OLDER, severity=Severity.NOTE)
