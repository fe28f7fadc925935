"""Refusals are counted by reason, and latency by command."""

from __future__ import annotations

import pytest

from specify_cli.workflow.report_journal import JournalRow
from specify_cli.workflow.report_statistics import BOUNDS_MS, Statistics, percentile

ROW = JournalRow(
    seq=1,
    at="2030-01-01T08:00:00+00:00",
    caller="nightly",
    actor="coder",
    command="transition",
    mission="001-search",
    wp="WP01",
    from_lane="",
    to_lane="",
    code=None,
    message="",
    waited_ms=None,
    duration_ms=3.0,
    correlation_id="one",
    args="",
    policy="",
    event_ids=[],
    commits=[],
    dead_letter="",
)


@pytest.mark.parametrize(
    ("values", "percent", "found"),
    [
        ([], 50, None),
        ([7.0], 99, 7.0),
        ([1.0, 2.0], 50, 1.0),
        ([1.0, 2.0, 3.0], 50, 2.0),
        ([*map(float, range(1, 101))], 95, 95.0),
    ],
)
def test_a_percentile_is_one_of_the_measured_values(
    values: list[float], percent: int, found: float | None
):
    assert percentile(values, percent) == found


def test_refusals_are_grouped_by_code_with_the_newest_message():
    from dataclasses import replace  # noqa: PLC0415

    statistics = Statistics()
    for row in (
        ROW,
        replace(ROW, seq=2, code="STALE", message="first", waited_ms=40.0),
        replace(ROW, seq=3, code="STALE", message="second", caller="cli", duration_ms=None),
        replace(ROW, seq=4, code="NOT_AUTHORIZED", command="list-ready", duration_ms=100_000.0),
    ):
        statistics.add(row)
    stale, denied = statistics.refusals()
    assert (stale.code, stale.count, stale.last_seq, stale.message) == ("STALE", 2, 3, "second")
    assert stale.callers == {"nightly": 1, "cli": 1}
    assert denied.count == 1
    moves, reads = statistics.latencies()
    assert (moves.command, moves.count, moves.refused, moves.p50) == ("transition", 3, 2, 3.0)
    assert sum(moves.buckets) == 2
    assert (moves.waited_p95, reads.waited_p95) == (40.0, None)
    assert reads.buckets == [0] * len(BOUNDS_MS) + [1]
