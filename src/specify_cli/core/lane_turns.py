"""Whose turn it is in an execution lane: one package at a time works there."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from specify_cli.core.dependencies import Graph, in_order, unsatisfied
from specify_cli.core.lanes import Lane
from specify_cli.core.state import MissionState


def occupant(wp_ids: Collection[str], state: MissionState, *, besides: str) -> str | None:
    """The package of `wp_ids`, `besides` not counted, that occupies their execution lane."""
    found = (x for x in sorted(wp_ids) if x != besides and state.of(x).occupies)
    return next(found, None)


def turns(lanes: Iterable[Collection[str]], graph: Graph, state: MissionState) -> dict[str, str]:
    """Package id to the package of its execution lane whose turn it is, which may be itself.

    That is the one which occupies the lane; else the one to start next: one that was begun before
    goes first, then by dependencies, then by id. Not there where a lane has nothing to start.
    """
    order = {wp_id: number for number, wp_id in enumerate(in_order(graph))}
    found: dict[str, str] = {}
    for wp_ids in lanes:
        first = occupant(wp_ids, state, besides="") or min(
            (x for x in wp_ids if is_startable(x, graph, state)),
            key=lambda x: (state.of(x).base_ref is None, order[x]),
            default=None,
        )
        if first:
            found |= dict.fromkeys(wp_ids, first)
    return found


def is_startable(wp_id: str, graph: Graph, state: MissionState) -> bool:
    """True for a package that is planned, not contested, and waits for no other's work."""
    package = state.of(wp_id)
    is_planned = package.lane is Lane.PLANNED and package.contested is None
    return is_planned and not unsatisfied(graph, wp_id, state)
