"""Where the bars of a report's charts begin and end, in percent of the width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from specify_cli.cli.report_scale import Break, Scale, Tick

# Events of other programs can have any time; an axis needs room after the last one.
_LATEST: Final = datetime(5000, 1, 1, tzinfo=UTC)
_IN_WORK: Final = frozenset({"claimed", "in_progress", "for_review", "in_review", "blocked"})


class Bar(NamedTuple):
    """A package in one status lane, with one holder."""

    x: float
    width: float
    lane: str
    holder: str
    since: datetime
    until: datetime | None


class Timeline(NamedTuple):
    """The bars of each package by id, the axis, and the status lanes of all bars."""

    rows: dict[str, list[Bar]]
    ticks: list[Tick]
    breaks: list[Break]
    lanes: set[str]


def moment(text: str) -> datetime:
    """Return the time of a timestamp, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def timeline(packages: Sequence[Mapping[str, Any]], now: datetime) -> Timeline | None:
    """Return the timeline of the packages; None if nothing has happened yet."""
    stints = [it for package in packages for it in package["stints"]]
    if not stints:
        return None
    times = (moment(it[name]) for it in stints for name in ("since", "until") if it[name])
    moments = {min(it, _LATEST) for it in times}
    start, last = min(moments), max(moments)
    is_open = any(package["lane"] in _IN_WORK for package in packages)
    end = max(last + (last - start) / 25, now if is_open else last, start + timedelta(minutes=1))
    scale = Scale(moments, end=end)
    rows = {
        package["wp_id"]: [_bar(it, scale, end) for it in package["stints"]] for package in packages
    }
    lanes = {it["lane"] for it in stints}
    return Timeline(rows=rows, ticks=scale.ticks(), breaks=scale.breaks, lanes=lanes)


def _bar(stint: Mapping[str, Any], scale: Scale, end: datetime) -> Bar:
    since = moment(stint["since"])
    until = moment(stint["until"]) if stint["until"] else None
    right = min(until, _LATEST) if until else end
    x = scale.place(min(since, _LATEST))
    return Bar(
        x=x,
        width=round(scale.place(right) - x, 3),
        lane=stint["lane"],
        holder=stint["holder"] or "",
        since=since,
        until=until,
    )


class Column(NamedTuple):
    """A column of a histogram; `share` is its height as a part of the highest."""

    x: float
    width: float
    share: float
    label: str
    requests: int


def histogram(buckets: Sequence[int], bounds: Sequence[float]) -> list[Column]:
    """Return the columns of a histogram of durations in milliseconds."""
    highest, width = max(buckets, default=0) or 1, 100 / len(buckets)
    labels = [*(f"up to {duration(it)}" for it in bounds), f"over {duration(bounds[-1])}"]
    return [
        Column(round(number * width, 3), round(width * 0.86, 3), count / highest, label, count)
        for number, (count, label) in enumerate(zip(buckets, labels, strict=True))
    ]


def duration(milliseconds: float | None) -> str:
    """Return a duration as people read it."""
    if milliseconds is None:
        return "-"
    for limit, unit, size in ((1_000, "ms", 1), (60_000, "s", 1_000), (3_600_000, "min", 60_000)):
        if milliseconds < limit:
            return f"{milliseconds / size:.3g} {unit}"
    return f"{milliseconds / 3_600_000:.3g} h"
