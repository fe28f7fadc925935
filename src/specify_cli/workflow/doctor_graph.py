"""Faults in how the packages of a mission fit together. No file is read here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from specify_cli.core import globs
from specify_cli.core.dependencies import find_cycle, find_unknown
from specify_cli.core.lane_plan import PackageScope, plan_lanes
from specify_cli.core.lanes import Lane
from specify_cli.core.state import MissionState
from specify_cli.workflow.doctor_findings import Finding, error, warning
from specify_cli.workflow.doctor_prompts import Prompt

NOT_AT_WORK = frozenset({Lane.PLANNED, Lane.DONE, Lane.CANCELED})

Prompts = Mapping[str, Prompt]
"""Package id to its prompt."""


def examine_graph(prompts: Prompts) -> Iterator[Finding]:
    """Every dependency on a package that is not there, and a cycle when there is one."""
    graph = {wp_id: prompt.dependencies for wp_id, prompt in prompts.items()}
    known = ", ".join(prompts) or "none"
    for wp_id, missing in find_unknown(graph).items():
        for name in missing:
            yield error(
                "unknown-dependency",
                prompts[wp_id].path,
                f"{wp_id} depends on {name!r}, and there is no such package",
                repair=f"name one of {known}",
                line=prompts[wp_id].line_of("dependencies"),
            )
    cycle = find_cycle(graph)
    if cycle:
        first = prompts[min(cycle)]
        yield error(
            "cycle",
            first.path,
            f"packages wait for each other in a circle: {' > '.join(cycle)}",
            repair="take one of these dependencies away",
            line=first.line_of("dependencies"),
        )


def examine_overlaps(
    prompts: Prompts, lane_ids: Mapping[str, str], state: MissionState
) -> Iterator[Finding]:
    """Every two packages at work in different lanes that own a file in common."""
    at_work = [x for x in prompts if state.of(x).lane not in NOT_AT_WORK]
    scopes = [PackageScope(wp_id=x, owned_files=prompts[x].owned_files) for x in at_work]
    # Only what a plan of these alone would put into one lane can overlap.
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
                f"{one} and {other} both own {shared}, and work has begun in {lanes}",
                repair="let one be merged first, or narrow owned_files",
                line=prompts[other].line_of("owned_files"),
            )


def _shared(ones: Sequence[str], others: Sequence[str]) -> str:
    pairs = ((one, other) for one in ones for other in others if globs.overlap(one, other))
    return next((one if one == other else f"{one} / {other}" for one, other in pairs), "")
