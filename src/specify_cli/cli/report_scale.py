"""The time axis of a report: proportional, except that long breaks in which nothing happened are short."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

_STEPS: Final = tuple(
    timedelta(minutes=it)
    for it in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 20160, 43200, 129600)
)
_MOST_TICKS: Final = 6
_BETWEEN_TICKS: Final = 14.0
_BETWEEN_NARROW: Final = 26.0
_LONG: Final = timedelta(hours=2)
_LONGER_THAN_USUAL: Final = 12
_SHARE_OF_BREAK: Final = 0.03


class Tick(NamedTuple):
    """A time on the axis; a minor one has no room for its label in a narrow window."""

    x: float
    label: str
    is_minor: bool = False


class Break(NamedTuple):
    """A long time in which nothing happened."""

    x: float
    width: float
    length: timedelta
    until: datetime


class Scale:
    """Places times on an axis of 100 percent."""

    def __init__(self, moments: Iterable[datetime], *, end: datetime) -> None:
        self._times = sorted({*moments, end})
        spans = [after - before for before, after in pairwise(self._times)]
        long = max(
            _LONG,
            _LONGER_THAN_USUAL * timedelta(seconds=median(it.total_seconds() for it in spans)),
        )
        self._busy = sum((it for it in spans if it < long), timedelta()) or spans[0]
        weights = [it if it < long else self._busy * _SHARE_OF_BREAK for it in spans]
        total, self._places = sum(weights, timedelta()), [0.0]
        for weight in weights:
            self._places.append(self._places[-1] + weight / total * 100)
        self.breaks = [
            Break(round(x, 3), round(right - x, 3), span, until)
            for (x, right), span, until in zip(
                pairwise(self._places), spans, self._times[1:], strict=True
            )
            if span >= long
        ]

    def place(self, at: datetime) -> float:
        """Return the place of a time between the first and the last one."""
        number = min(bisect_right(self._times, at), len(self._times) - 1)
        before, after = self._times[number - 1], self._times[number]
        left, right = self._places[number - 1], self._places[number]
        return round(left + (at - before) / (after - before) * (right - left), 3)

    def ticks(self) -> list[Tick]:
        """Return round times for the axis, outside of breaks; the first of a day has its date."""
        start, end = self._times[0], self._times[-1]
        rest = timedelta(days=-(-self._busy.days // _MOST_TICKS))
        step = next((it for it in _STEPS if self._busy / it <= _MOST_TICKS), rest)
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        at = midnight + step * -(-(start - midnight) // step)
        found: list[Tick] = []
        last = -100.0
        day, hours = "", "" if step >= timedelta(days=1) else " %H:%M"
        while at <= end:
            x = self.place(at)
            inside = next((it for it in self.breaks if it.x < x < it.x + it.width), None)
            if inside is None and (not found or x - found[-1].x >= _BETWEEN_TICKS):
                date = at.strftime("%d %b")
                is_known = bool(hours) and date == day
                label = at.strftime(hours.strip() if is_known else f"%d %b{hours}")
                is_minor = x - last < _BETWEEN_NARROW
                last, found = last if is_minor else x, [*found, Tick(x, label, is_minor)]
                day = day if is_minor else date
            at += step * (-(-(inside.until - at) // step) if inside else 1)
        return found
