"""The dependency graph of work packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from specify_cli.core.state import MissionState

Graph = Mapping[str, Sequence[str]]
"""Package id to the ids of the packages it depends on."""


def unsatisfied(graph: Graph, wp_id: str, state: MissionState) -> tuple[str, ...]:
    """Return the dependencies of `wp_id` that are not satisfied, including unknown packages."""
    return tuple(
        needed
        for needed in graph[wp_id]
        if needed not in graph or not state.of(needed).is_satisfied
    )


def needed_by(graph: Graph, wp_id: str) -> set[str]:
    """Return all transitive dependencies of the package that are in the graph."""
    found: set[str] = set()
    new = {*graph[wp_id]} & graph.keys()
    while new:
        found |= new
        new = {y for x in new for y in graph[x] if y in graph} - found
    return found


def find_cycle(graph: Graph) -> list[str]:
    """Return a cycle as ids in order, with the same first and last id; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def find_unknown(graph: Graph) -> dict[str, list[str]]:
    """Return the unknown dependencies of each package that has any."""
    unknown = {wp_id: [x for x in needs if x not in graph] for wp_id, needs in graph.items()}
    return {wp_id: missing for wp_id, missing in unknown.items() if missing}


def in_order(graph: Graph) -> list[str]:
    """Return the ids in topological order, then by name; by name only if there is a cycle."""
    sorter = TopologicalSorter({x: [y for y in needs if y in graph] for x, needs in graph.items()})
    try:
        sorter.prepare()
    except CycleError:
        return sorted(graph)
    ordered: list[str] = []
    while sorter.is_active():
        free = sorted(sorter.get_ready())
        ordered.extend(free)
        sorter.done(*free)
    return ordered
