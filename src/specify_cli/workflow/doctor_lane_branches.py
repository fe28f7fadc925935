"""Why the branch of an execution lane is not there, and what a person does about it."""

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


def missing_branch(mission: OpenMission, place: Workspace, names: Collection[str]) -> Finding:
    """What is told of an execution lane in which work has begun, and whose branch is none of `names`."""
    what = f"work in {place.lane_id} has begun, and its branch {place.branch} does not exist"
    wp_ids = next(it.wp_ids for it in mission.lanes if it.lane_id == place.lane_id)
    former = next((it for it in _former_names(mission) if _branch(it, place) in names), None)
    if former is not None:
        here, there = (shlex.quote(f"{MISSIONS}/{it}") for it in (mission.slug, former))
        what = f"{what}: the mission was called {former} when it began, and {_branch(former, place)} is there"
        repair = f"'mv {here} {there}' gives the mission that name again"
        return warning("no-lane-branch", place.path, what, repair=repair)
    if not _has_begun_here(mission, wp_ids):
        what = f"work in {place.lane_id} was begun in another clone, which has its branch and workspace"
        return note("no-lane-branch", place.path, what, repair=_take_over(mission, wp_ids))
    repair = (
        "list commits that no branch names with 'git fsck --no-reflogs --lost-found' and make the"
        f" branch {place.branch} again at the right one with 'git branch', or move its packages back to"
        " planned"
    )
    return warning("no-lane-branch", place.path, what, repair=repair)


def _take_over(mission: OpenMission, wp_ids: Collection[str]) -> str:
    held = [it for it in wp_ids if mission.state_of(it).lane in _AT_WORK]
    if not held:
        return "review and merge it there"
    command = (
        f"spec-kitty move {held[0]} planned --mission {shlex.quote(mission.slug)} --force --note"
        ' "is given up in the other clone"'
    )
    return f"let it be finished there; where that does not happen, '{command}' frees the package"


def _branch(slug: str, place: Workspace) -> str:
    return f"{branch_of_mission(slug)}-{place.lane_id}"


def _former_names(mission: OpenMission) -> Iterator[str]:
    """What the mission is called in its events, newest first, beside its folder's name."""
    try:
        lines = mission.files.log.view().lines
    except SpecKittyError:  # A finding already.
        return
    seen = {mission.slug}
    for line in reversed(lines):
        name = (json_object(line) or {}).get("mission_slug")
        if isinstance(name, str) and name not in seen and "/" not in name:
            seen.add(name)
            yield name


def _has_begun_here(mission: OpenMission, wp_ids: Collection[str]) -> bool:
    """Whether this repository's host moved one of the packages."""
    try:
        record = records.found(mission.files.project)
        number = mission.files.log.view().known.number
        entries = record.entries(mission=number) if record and number is not None else iter(())
        lines = (line for it in entries if it.kind == EVENTS for line in it.log.splitlines())
        return any((json_object(line) or {}).get("wp_id") in wp_ids for line in lines)
    except SpecKittyError:  # A finding already.
        return True
