"""The states of each package over time, and who held it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from specify_cli import clock
from specify_cli.core import state
from specify_cli.core.events import Event, MissionAccepted, Transitioned, moment_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Stint:
    """A package was in one status lane, with one holder; `until` is None if it still is."""

    lane: str
    holder: str | None
    since: str
    until: str | None


def timelines(events: Iterable[Event], *, start: datetime | None = None) -> dict[str, list[Stint]]:
    """Return the stints of each package that ended after `start`, oldest first.

    A package is planned until its first transition. Events whose time cannot be read count at the
    time of the event before.
    """
    known: dict[str, state.PackageState] = {}
    found: dict[str, list[Stint]] = {}
    now: datetime | None = None
    for position, event in enumerate(events, start=1):
        now = max(filter(None, (now, moment_of(event.at))), default=None)
        if now is None or isinstance(event, MissionAccepted):
            continue
        package = known.get(event.wp_id, state.PLANNED)
        known[event.wp_id] = package = state.apply(package, event, position)
        if isinstance(event, Transitioned):
            _add(found.setdefault(event.wp_id, []), package, clock.as_text(now))
    return {wp_id: _after(start, stints) for wp_id, stints in found.items()}


def _add(stints: list[Stint], package: state.PackageState, at: str) -> None:
    if stints:
        last = stints[-1]
        if (last.lane, last.holder) == (package.lane.value, package.holder):
            return
        stints[-1] = replace(last, until=at)
    new = Stint(lane=package.lane.value, holder=package.holder, since=at, until=None)
    stints.append(new)


def _after(start: datetime | None, stints: list[Stint]) -> list[Stint]:
    if start is None:
        return stints
    text = clock.as_text(start)
    return [
        it if it.since >= text else replace(it, since=text)
        for it in stints
        if it.until is None or it.until > text
    ]
