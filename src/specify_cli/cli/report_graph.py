"""Lay out the dependencies of packages as a graph: columns from left to right, edges as curves.

The longest path decides the column of a package. An edge that spans columns passes through an empty
place in each of them. The order in a column follows the neighbors (Sugiyama's method).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

WIDTH, HEIGHT = 172, 46
COLUMN, ROW = WIDTH + 64, HEIGHT + 18
MARGIN = 8
_SWEEPS: Final = 6

Graph = Mapping[str, Sequence[str]]
"""What each package depends on."""


class Node(NamedTuple):
    """A package and its upper left corner."""

    name: str
    x: float
    y: float


class Edge(NamedTuple):
    """The path of an arrow from a dependency to the package that needs it, in SVG's notation."""

    source: str
    target: str
    path: str


class Drawing(NamedTuple):
    """A graph that is laid out; `alone` are the packages without any edge."""

    nodes: list[Node]
    edges: list[Edge]
    alone: list[str]
    width: float
    height: float


class _Place(NamedTuple):
    """A place in a column: a package, or where the edge to `until` passes."""

    name: str
    until: str = ""


def draw(graph: Graph) -> Drawing:
    """Return the layout of the graph; a dependency that closes a circle is drawn backwards."""
    named = {it for needs in graph.values() for it in needs}
    alone = [it for it, needs in graph.items() if not needs and it not in named]
    names = [
        it for it in {**dict.fromkeys(graph), **dict.fromkeys(sorted(named))} if it not in alone
    ]
    columns = _columns(names, graph)
    chains = {(need, it): _chain(need, it, columns) for it in names for need in graph.get(it, ())}
    places = _ordered(names, columns, list(chains.values()))
    tallest = max(map(len, places), default=0)
    at = {
        place: (MARGIN + number * COLUMN, MARGIN + (row + (tallest - len(column)) / 2) * ROW)
        for number, column in enumerate(places)
        for row, place in enumerate(column)
    }
    return Drawing(
        nodes=[Node(it, *at[_Place(it)]) for it in names],
        edges=[Edge(a, b, _path([at[it] for it in chain])) for (a, b), chain in chains.items()],
        alone=alone,
        width=max(2 * MARGIN + len(places) * COLUMN - (COLUMN - WIDTH), 0),
        height=2 * MARGIN + tallest * ROW - (ROW - HEIGHT),
    )


def _columns(names: Iterable[str], graph: Graph) -> dict[str, int]:
    """Return the length of the longest path to each package, without edges that close a circle."""
    found: dict[str, int] = {}
    for name in names:
        open_, path = [(name, iter(graph.get(name, ())))], {name}
        while open_:
            at, needs = open_[-1]
            need = next((it for it in needs if it not in path and it not in found), None)
            if need is not None:
                open_.append((need, iter(graph.get(need, ()))))
                path.add(need)
                continue
            known = [found[it] + 1 for it in graph.get(at, ()) if it in found]
            found.setdefault(at, max(known, default=0))
            path.discard(at)
            open_.pop()
    return found


def _chain(source: str, target: str, columns: Mapping[str, int]) -> list[_Place]:
    between = columns[target] - columns[source] - 1
    return [
        _Place(source),
        *(_Place(f"{source}/{it}", target) for it in range(between)),
        _Place(target),
    ]


def _ordered(
    names: Sequence[str], columns: Mapping[str, int], chains: Sequence[Sequence[_Place]]
) -> list[list[_Place]]:
    places: list[list[_Place]] = [[] for _ in range(max(columns.values(), default=-1) + 1)]
    for name in names:
        places[columns[name]].append(_Place(name))
    before: dict[_Place, list[_Place]] = {}
    after: dict[_Place, list[_Place]] = {}
    for chain in chains:
        for number, place in enumerate(chain[1:-1], start=columns[chain[0].name] + 1):
            places[number].append(place)
        for one, other in pairwise(chain):
            before.setdefault(other, []).append(one)
            after.setdefault(one, []).append(other)
    for sweep in range(_SWEEPS):
        neighbors, order = (before, places) if sweep % 2 == 0 else (after, places[::-1])
        for fixed, column in pairwise(order):
            _sort(column, fixed, neighbors)
    return places


def _sort(
    column: list[_Place], fixed: Sequence[_Place], neighbors: Mapping[_Place, Sequence[_Place]]
) -> None:
    rank = {place: number for number, place in enumerate(fixed)}
    own = {place: float(number) for number, place in enumerate(column)}
    for place in column:
        near = [rank[it] for it in neighbors.get(place, ()) if it in rank]
        if near:
            own[place] = sum(near) / len(near)
    column.sort(key=own.__getitem__)


def _path(corners: Sequence[tuple[float, float]]) -> str:
    """Return a curve from the right side of the first place to the left side of the last."""
    (x, y), *rest = corners
    x, y = x + WIDTH, y + HEIGHT / 2
    found = [f"M{x:g} {y:g}"]
    for number, (left, top) in enumerate(rest, start=1):
        middle = top + HEIGHT / 2
        bend = (left - x) / 2
        found.append(f"C{x + bend:g} {y:g} {left - bend:g} {middle:g} {left:g} {middle:g}")
        x, y = left, middle
        if number < len(rest):
            found.append(f"H{left + WIDTH:g}")
            x = left + WIDTH
    return "".join(found)
