"""Faults in the dependencies and owned files of packages, and in the plan of execution lanes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from specify_cli.core import globs
from specify_cli.core.dependencies import find_cycle, find_unknown
from specify_cli.core.lane_plan import PackageScope, plan_lanes
from specify_cli.core.lanes import Lane
from specify_cli.core.state import MissionState
from specify_cli.errors import StateUnreadable
from specify_cli.storage import lane_plans
from specify_cli.workflow.doctor_elsewhere import way_back
from specify_cli.workflow.doctor_findings import Finding, Severity, error, fixable, note, warning
from specify_cli.workflow.doctor_git import UNDER_WAY
from specify_cli.workflow.doctor_prompts import Prompt
from specify_cli.workflow.mission import OpenMission

NOT_AT_WORK = frozenset({Lane.PLANNED, Lane.DONE, Lane.CANCELED})

Prompts = Mapping[str, Prompt]
"""Package id to its prompt."""


def examine_graph(prompts: Prompts) -> Iterator[Finding]:
    """Report dependencies on unknown packages, and the first cycle."""
    graph = {wp_id: prompt.dependencies for wp_id, prompt in prompts.items()}
    known = ", ".join(prompts) or "none"
    for wp_id, missing in find_unknown(graph).items():
        for name in missing:
            yield error(
                "unknown-dependency",
                prompts[wp_id].path,
                f"{wp_id} depends on {name!r}, which does not exist",
                repair=f"name one of {known}",
                line=prompts[wp_id].line_of("dependencies"),
            )
    cycle = find_cycle(graph)
    if cycle:
        first = prompts[min(cycle)]
        yield error(
            "cycle",
            first.path,
            f"packages depend on each other in a cycle: {' > '.join(cycle)}",
            repair="remove one of these dependencies",
            line=first.line_of("dependencies"),
        )


def examine_overlaps(
    prompts: Prompts, lane_ids: Mapping[str, str], state: MissionState
) -> Iterator[Finding]:
    """Report packages in progress in different execution lanes that own the same files."""
    at_work = [x for x in prompts if state.of(x).lane not in NOT_AT_WORK]
    scopes = [PackageScope(wp_id=x, owned_files=prompts[x].owned_files) for x in at_work]
    # Only packages that a plan of these alone would put into one lane can overlap.
    together = [pair for lane in plan_lanes(scopes) for pair in combinations(lane.wp_ids, 2)]
    for one, other in together:
        if lane_ids.get(one) == lane_ids.get(other):
            continue
        shared = _shared(prompts[one].owned_files, prompts[other].owned_files)
        if shared:
            lanes = f"{lane_ids.get(one)} and {lane_ids.get(other)}"
            yield warning(
                "overlapping-files",
                prompts[other].path,
                f"{one} and {other} both own {shared}, and work on them has begun in {lanes}",
                repair="merge one of them first, or narrow owned_files",
                line=prompts[other].line_of("owned_files"),
            )


def _shared(ones: Sequence[str], others: Sequence[str]) -> str:
    pairs = ((one, other) for one in ones for other in others if globs.overlap(one, other))
    return next((one if one == other else f"{one} / {other}" for one, other in pairs), "")


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
