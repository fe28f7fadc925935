"""Any graph of dependencies is laid out in columns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from specify_cli.cli import report_graph
from specify_cli.cli.report_graph import HEIGHT, WIDTH, draw

NAMES = [f"WP{number:02}" for number in range(1, 9)]
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), unique=True))


def column(x: float) -> int:
    return round((x - report_graph.MARGIN) / report_graph.COLUMN)


def test_a_package_is_drawn_right_of_its_dependencies():
    drawing = draw({"A": [], "B": ["A"], "C": ["A", "B"], "D": ["gone"], "E": []})
    at = {node.name: column(node.x) for node in drawing.nodes}
    assert at == {"A": 0, "B": 1, "C": 2, "D": 1, "gone": 0}
    assert drawing.alone == ["E"]
    assert {(it.source, it.target) for it in drawing.edges} == {
        ("A", "B"),
        ("A", "C"),
        ("B", "C"),
        ("gone", "D"),
    }


@given(GRAPHS)
def test_every_graph_is_drawn_without_overlapping_packages(graph: dict[str, list[str]]):
    drawing = draw(graph)
    named = {*graph, *(it for needs in graph.values() for it in needs)}
    assert sorted([*(it.name for it in drawing.nodes), *drawing.alone]) == sorted(named)
    assert len({(it.x, it.y) for it in drawing.nodes}) == len(drawing.nodes)
    assert len(drawing.edges) == sum(map(len, graph.values()))
    for node in drawing.nodes:
        assert 0 <= node.x <= drawing.width - WIDTH
        assert 0 <= node.y <= drawing.height - HEIGHT
