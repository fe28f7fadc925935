"""Faults in the dependencies and owned files of packages. This module reads no files."""

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
