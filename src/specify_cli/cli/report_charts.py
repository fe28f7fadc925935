"""Where the bars of a report's charts begin and end, in percent of the width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

_STEPS: Final = tuple(
    timedelta(minutes=it)
    for it in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 20160, 43200, 129600)
)
_MOST_TICKS: Final = 6
_IN_WORK: Final = frozenset({"claimed", "in_progress", "for_review", "in_review", "blocked"})


class Bar(NamedTuple):
    """A package in one status lane, with one holder."""

    x: float
    width: float
    lane: str
    holder: str
    since: datetime
    until: datetime | None


class Tick(NamedTuple):
    """A time on the axis."""

    x: float
    label: str


class Timeline(NamedTuple):
    """The bars of each package by id, and the axis."""

    rows: dict[str, list[Bar]]
    ticks: list[Tick]


def moment(text: str) -> datetime:
    """Return the time of a timestamp, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def timeline(packages: Sequence[Mapping[str, Any]], now: datetime) -> Timeline | None:
    """Return the timeline of the packages; None if nothing has happened yet."""
    stints = [it for package in packages for it in package["stints"]]
    if not stints:
        return None
    start = min(moment(it["since"]) for it in stints)
    last = max(moment(it["until"] or it["since"]) for it in stints)
    is_open = any(package["lane"] in _IN_WORK for package in packages)
    span = max(last - start, timedelta(minutes=1))
    end = max(last + span / 25, now if is_open else last)
    rows = {
        package["wp_id"]: [_bar(it, start, end) for it in package["stints"]] for package in packages
    }
    return Timeline(rows=rows, ticks=_ticks(start, end))


def _bar(stint: Mapping[str, Any], start: datetime, end: datetime) -> Bar:
    since = moment(stint["since"])
    until = moment(stint["until"]) if stint["until"] else None
    x = _percent(since, start, end)
    return Bar(
        x=x,
        width=round(_percent(until or end, start, end) - x, 3),
        lane=stint["lane"],
        holder=stint["holder"] or "",
        since=since,
        until=until,
    )


def _percent(at: datetime, start: datetime, end: datetime) -> float:
    return round((at - start) / (end - start) * 100, 3)


def _ticks(start: datetime, end: datetime) -> list[Tick]:
    years = timedelta(days=-(-(end - start).days // _MOST_TICKS))
    step = next((it for it in _STEPS if (end - start) / it <= _MOST_TICKS), years)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    found, day = [], ""
    at = midnight + step * -(-(start - midnight) // step)
    while at <= end:
        date = at.strftime("%d %b")
        label = date if step >= timedelta(days=1) else at.strftime("%H:%M")
        found.append(
            Tick(x=_percent(at, start, end), label=label if date == day else _dated(at, step))
        )
        day, at = date, at + step
    return found


def _dated(at: datetime, step: timedelta) -> str:
    return at.strftime("%d %b" if step >= timedelta(days=1) else "%d %b %H:%M")


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
