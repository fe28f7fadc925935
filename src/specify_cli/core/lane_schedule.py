"""The schedule of an execution lane: one package at a time works there."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from specify_cli.core.dependencies import Graph, in_order, unsatisfied
from specify_cli.core.lanes import Lane
from specify_cli.core.state import MissionState


def occupant(wp_ids: Collection[str], state: MissionState, *, besides: str) -> str | None:
    """Return the package of `wp_ids`, except `besides`, that occupies their execution lane."""
    found = (x for x in sorted(wp_ids) if x != besides and state.of(x).occupies)
    return next(found, None)


def turns(lanes: Iterable[Collection[str]], graph: Graph, state: MissionState) -> dict[str, str]:
    """Return for each package the package of its execution lane that is next, maybe itself.

    That is the package that occupies the execution lane, else the one to start next: packages that were
    begun before go first, then by dependencies, then by id. Packages of an execution lane that
    has none to start are absent.
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
    """Whether a package is planned, not contested, and has no unsatisfied dependency."""
    package = state.of(wp_id)
    is_planned = package.lane is Lane.PLANNED and package.contested is None
    return is_planned and not unsatisfied(graph, wp_id, state)
