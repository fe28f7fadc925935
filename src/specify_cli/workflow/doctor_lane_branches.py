"""Explain why the branch of an execution lane does not exist, and how to repair that."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator

from specify_cli.core.lanes import Lane
from specify_cli.errors import SpecKittyError
from specify_cli.storage import records
from specify_cli.storage.event_lines import json_object
from specify_cli.storage.record_entries import EVENTS
from specify_cli.storage.record_location import MISSIONS
from specify_cli.workflow.doctor_findings import Finding, note, warning
from specify_cli.workflow.mission import OpenMission, Workspace, branch_of_mission

_AT_WORK = frozenset({Lane.CLAIMED, Lane.IN_PROGRESS})


def missing_branch(mission: OpenMission, workspace: Workspace, names: Collection[str]) -> Finding:
    """Return the finding about an execution lane with work whose branch is not among `names`."""
    lane_id, path = workspace.lane_id, workspace.path
    what = f"work in {lane_id} has begun, but its branch {workspace.branch} does not exist"
    wp_ids = next(it.wp_ids for it in mission.lanes if it.lane_id == lane_id)
    former = next((it for it in _former_names(mission) if _branch(it, lane_id) in names), None)
    if former is not None:
        here, there = (shlex.quote(f"{MISSIONS}/{it}") for it in (mission.slug, former))
        what = (
            f"{what}: the mission was called {former} then, and {_branch(former, lane_id)} exists"
        )
        repair = f"'mv {here} {there}' gives the mission its former name again"
        return warning("no-lane-branch", path, what, repair=repair)
    if not _has_begun_here(mission, wp_ids):
        what = f"work in {lane_id} was begun in another clone, which has its branch and workspace"
        return note("no-lane-branch", path, what, repair=_take_over(mission, wp_ids))
    repair = (
        "list the commits that no branch has with 'git fsck --no-reflogs --lost-found' and create the"
        f" branch {workspace.branch} again at the right one with 'git branch', or move its packages back"
        " to planned"
    )
    return warning("no-lane-branch", path, what, repair=repair)


def _take_over(mission: OpenMission, wp_ids: Collection[str]) -> str:
    held = [it for it in wp_ids if mission.state_of(it).lane in _AT_WORK]
    if not held:
        return "review and merge it there"
    command = (
        f"spec-kitty move {held[0]} planned --mission {shlex.quote(mission.slug)} --force --note"
        ' "was given up in the other clone"'
    )
    return f"finish it there; if that is not possible, '{command}' releases the package"


def _branch(slug: str, lane_id: str) -> str:
    return f"{branch_of_mission(slug)}-{lane_id}"


def _former_names(mission: OpenMission) -> Iterator[str]:
    """Yield the other names of the mission in its events, newest first."""
    try:
        lines = mission.files.log.view().lines
    except SpecKittyError:  # Reported already.
        return
    seen = {mission.slug}
    for line in reversed(lines):
        name = (json_object(line) or {}).get("mission_slug")
        if isinstance(name, str) and name not in seen and "/" not in name:
            seen.add(name)
            yield name


def _has_begun_here(mission: OpenMission, wp_ids: Collection[str]) -> bool:
    """Whether the host of this repository moved one of the packages."""
    try:
        record = records.found(mission.files.project)
        number = mission.files.log.view().known.number
        entries = record.entries(mission=number) if record and number is not None else iter(())
        lines = (line for it in entries if it.kind == EVENTS for line in it.log.splitlines())
        return any((json_object(line) or {}).get("wp_id") in wp_ids for line in lines)
    except SpecKittyError:  # Reported already.
        return True
