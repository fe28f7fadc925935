from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from specify_cli.core.dependencies import find_cycle, find_unknown, in_order, unsatisfied
from specify_cli.core.lanes import Lane
from specify_cli.core.state import MissionState, PackageState

IDS = st.sampled_from([f"WP{n:02}" for n in range(8)])
GRAPHS = st.dictionaries(IDS, st.lists(IDS, max_size=3), max_size=8)


@given(GRAPHS)
def test_in_order_lists_every_package_once_and_dependencies_first(
    graph: dict[str, list[str]],
) -> None:
    ordered = in_order(graph)
    assert sorted(ordered) == sorted(graph)
    if not find_cycle({x: [y for y in needs if y in graph] for x, needs in graph.items()}):
        place = {wp_id: position for position, wp_id in enumerate(ordered)}
        assert all(
            place[needed] < place[wp_id]
            for wp_id, needs in graph.items()
            for needed in needs
            if needed in graph
        )


@given(GRAPHS)
def test_find_cycle_returns_a_closed_path_of_dependencies(graph: dict[str, list[str]]) -> None:
    cycle = find_cycle(graph)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(needed in graph[wp_id] for wp_id, needed in pairwise(cycle))


def test_a_package_that_depends_on_itself_is_a_cycle() -> None:
    assert find_cycle({"WP01": ["WP01"]}) == ["WP01", "WP01"]


def test_find_unknown_lists_dependencies_that_do_not_exist() -> None:
    graph = {"WP01": ["WP02", "WP09"], "WP02": []}
    assert find_unknown(graph) == {"WP01": ["WP09"]}


def test_unfinished_and_missing_dependencies_are_unsatisfied() -> None:
    lanes = {"WP01": Lane.APPROVED, "WP02": Lane.DONE, "WP03": Lane.IN_REVIEW}
    state = MissionState(packages={x: PackageState(lane=lane) for x, lane in lanes.items()})
    graph = {**dict.fromkeys(lanes, ()), "WP04": ("WP01", "WP02", "WP03", "WP99")}
    assert unsatisfied(graph, "WP04", state) == ("WP03", "WP99")
