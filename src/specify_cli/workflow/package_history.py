"""The use case that reads the history of a package or a mission."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from specify_cli.core.events import Annotated, Event, Transitioned, note_of
from specify_cli.core.reviews import MOST_TEXT, Feedback
from specify_cli.errors import UsageError
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.project import Project
from specify_cli.workflow.mission import LONGEST_SHOWN, OpenMission, open_mission
from specify_cli.workflow.package_lookup import open_package

MOST_TEXT_OF_ALL: Final = 200_000
"""The most characters of notes on one page, except that a page has one event at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Events of a package or a mission, newest last; the numbers of `earlier` and `later` ones."""

    mission: MissionIdentity
    wp_id: str | None
    events: Sequence[Event]
    earlier: int
    later: int
    feedback: Feedback | None = None


@dataclass(frozen=True, slots=True)
class PackageHistory:
    """Read the history of packages; nothing here writes."""

    project: Project

    def page(
        self,
        selector: str,
        wp_id: str | None,
        *,
        limit: int,
        after: str | None = None,
        before: str | None = None,
    ) -> HistoryPage:
        """Return at most `limit` events of the package, or of the whole mission.

        These are the first ones after the event `after`, else the last ones before the event `before`.

        Raises:
            MissionNotFound: there is no such mission.
            WorkPackageNotFound: the mission has no such package.
            UsageError: the mission does not have the event `after` or `before`.
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        mission = (
            open_mission(self.project, selector)
            if wp_id is None
            else open_package(self.project, selector, wp_id)
        )
        events = [*mission.log.events]
        start = _place(mission, events, after=after) + 1 if after else 0
        end = _place(mission, events, before=before) if before else len(events)
        inside = [*_about(wp_id, events[start:end])]
        shown = _fitting(inside, limit, is_forward=bool(after))
        left = len(inside) - len(shown)
        return HistoryPage(
            mission=mission.identity,
            wp_id=wp_id,
            events=shown,
            earlier=sum(1 for _ in _about(wp_id, events[:start])) + (0 if after else left),
            later=sum(1 for _ in _about(wp_id, events[max(start, end) :])) + (left if after else 0),
            feedback=mission.state_of(wp_id).feedback if wp_id else None,
        )


class Newest(NamedTuple):
    """The newest transition and review of a package, and its newest note that is not of a transition."""

    move: Transitioned | None = None
    review: Transitioned | None = None
    note: Annotated | None = None


def newest(events: Sequence[Event], wp_id: str) -> Newest:
    """Return the newest events of the package."""
    found = Newest()
    for event in _about(wp_id, events):
        if isinstance(event, Transitioned):
            is_review = event.review_result or event.review_ref
            found = found._replace(move=event, review=event if is_review else found.review)
        elif isinstance(event, Annotated) and note_of(event):
            found = found._replace(note=event)
    return found


def _place(mission: OpenMission, events: Sequence[Event], **named: str) -> int:
    [(name, event_id)] = named.items()
    for place in range(len(events) - 1, -1, -1):
        if events[place].event_id == event_id:
            return place
    raise UsageError(
        f"argument {name!r} (--{name}): mission {mission.slug} has no event"
        f" {event_id[:LONGEST_SHOWN]!r}; send the event_id of an event of its history"
    )


def _about(wp_id: str | None, events: Sequence[Event]) -> Iterator[Event]:
    return (it for it in events if wp_id is None or getattr(it, "wp_id", None) == wp_id)


def _fitting(events: Sequence[Event], limit: int, *, is_forward: bool) -> Sequence[Event]:
    """Return the first or last events that fit on a page, oldest first."""
    found: list[Event] = []
    remaining = MOST_TEXT_OF_ALL
    for event in events if is_forward else reversed(events):
        remaining -= min(len(note_of(event) or ""), MOST_TEXT)
        if len(found) == limit or (found and remaining < 0):
            break
        found.append(event)
    return found if is_forward else found[::-1]
