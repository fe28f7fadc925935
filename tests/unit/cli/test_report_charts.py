"""Charts of a report: bars, axes and histograms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from specify_cli.cli import report_charts

START = datetime(2030, 1, 7, 23, 0, tzinfo=UTC)


def package(*hours: float, lane: str = "approved") -> dict[str, Any]:
    moments = [(START + timedelta(hours=it)).isoformat() for it in hours]
    ends = [*moments[1:], None]
    stints = [
        {"lane": "claimed", "holder": None, "since": since, "until": until}
        for since, until in zip(moments, ends, strict=True)
    ]
    return {"wp_id": "WP01", "lane": lane, "stints": stints}


def test_bars_are_adjacent_and_do_not_extend_to_now_after_approval():
    drawn = report_charts.timeline([package(0, 12, 24)], START + timedelta(hours=90))
    assert drawn is not None
    [first, second, third] = drawn.rows["WP01"]
    assert (first.x, second.x) == (0, first.width)
    assert first.width == second.width
    assert third.x + third.width == pytest.approx(100)
    assert 3 < third.width < 4, "an approved package does not extend to now"
    assert drawn.breaks == []


def test_a_night_without_events_is_compressed_and_the_next_day_labeled():
    busy = [number / 10 for number in range(12)]
    drawn = report_charts.timeline([package(*busy, *(15 + it for it in busy))], START)
    assert drawn is not None
    [night] = drawn.breaks
    assert night.length == timedelta(hours=15 - 1.1)
    assert 1 < night.width < 5
    [bar] = [it for it in drawn.rows["WP01"] if it.x == night.x]
    assert bar.width == night.width
    assert not any(night.x < it.x < night.x + night.width for it in drawn.ticks)
    assert any(it.label.startswith("08 Jan ") for it in drawn.ticks)


def test_the_last_bar_of_a_package_in_progress_extends_to_now():
    drawn = report_charts.timeline(
        [package(0, 10, lane="in_progress")], START + timedelta(hours=20)
    )
    assert drawn is not None
    assert [it.width for it in drawn.rows["WP01"]] == [50, 50]


@pytest.mark.parametrize("hours", [0, 0.01, 0.5, 3, 30, 300, 3000, 30000])
def test_the_axis_has_at_most_eight_ticks_and_starts_with_the_day(hours: float):
    drawn = report_charts.timeline([package(0, hours)], START)
    assert drawn is not None
    assert 1 <= len(drawn.ticks) <= 8
    assert drawn.ticks[0].label[:2].isdigit()
    assert drawn.ticks[0].label[3:6].isalpha()
    assert all(0 <= it.x <= 100 for it in drawn.ticks)


def test_years_without_events_do_not_crowd_the_axis():
    drawn = report_charts.timeline([package(0, 0.1, 0.2, 0.3, 100_000, 100_000.1)], START)
    assert drawn is not None
    assert [it.label for it in drawn.ticks][-1][:2] != drawn.ticks[0].label[:2]
    assert len(drawn.ticks) <= 8


def test_events_with_extreme_times_are_drawn():
    first, last = "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"
    stints = [
        {"lane": "claimed", "holder": None, "since": since, "until": until}
        for since, until in ((first, last), (last, None))
    ]
    drawn = report_charts.timeline([{"wp_id": "WP01", "lane": "done", "stints": stints}], START)
    assert drawn is not None
    assert all(it.x + it.width <= 100 for it in drawn.rows["WP01"])


def test_a_package_without_stints_has_no_timeline():
    assert (
        report_charts.timeline([{"wp_id": "WP01", "lane": "planned", "stints": []}], START) is None
    )


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, "-"),
        (0.53, "0.53 ms"),
        (999, "999 ms"),
        (1500, "1.5 s"),
        (90_000, "1.5 min"),
        (7_200_000, "2 h"),
    ],
)
def test_durations_are_formatted_with_a_readable_unit(milliseconds: float | None, text: str):
    assert report_charts.duration(milliseconds) == text


def test_histogram_columns_are_scaled_to_the_highest():
    columns = report_charts.histogram([0, 4, 1], [10, 1000])
    assert [it.share for it in columns] == [0, 1, 0.25]
    assert [it.label for it in columns] == ["up to 10 ms", "up to 1 s", "over 1 s"]
