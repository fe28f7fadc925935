"""The timeline of a package says who held it, in which state, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime

from specify_cli.core.events import Annotated, Event, Transitioned
from specify_cli.core.lanes import Lane
from specify_cli.workflow.report_timeline import timelines

CLAIMED = Transitioned(
    event_id="E",
    at="2030-01-01T08:00:00+00:00",
    actor="coder",
    wp_id="WP01",
    from_lane=Lane.PLANNED,
    to_lane=Lane.CLAIMED,
)


def moved(to: Lane, at: str, actor: str = "coder") -> Transitioned:
    return CLAIMED._replace(to_lane=to, at=at, actor=actor)


EVENTS: list[Event] = [
    CLAIMED,
    moved(Lane.IN_PROGRESS, "2030-01-01T09:00:00+01:00"),
    Annotated(
        event_id="N", at="2030-01-01T08:30:00Z", actor="coder", wp_id="WP01", delta={"note": "n"}
    ),
    moved(Lane.FOR_REVIEW, "2030-01-01T10:00:00+00:00"),
    moved(Lane.IN_REVIEW, "not a time", "reviewer"),
    moved(Lane.IN_PROGRESS, "2030-01-01T09:00:00+00:00", "reviewer"),
    moved(Lane.FOR_REVIEW, "2030-01-01T12:00:00+00:00"),
]


def short(start: datetime | None = None) -> list[tuple[str, str | None, str, str]]:
    return [
        (it.lane, it.holder, it.since[11:16], (it.until or "")[11:16])
        for it in timelines(EVENTS, start=start)["WP01"]
    ]


def test_each_stint_begins_where_the_previous_one_ended():
    assert short() == [
        ("claimed", "coder", "08:00", "08:00"),
        ("in_progress", "coder", "08:00", "10:00"),
        ("for_review", None, "10:00", "10:00"),
        ("in_review", "reviewer", "10:00", "10:00"),
        ("in_progress", "coder", "10:00", "12:00"),
        ("for_review", None, "12:00", ""),
    ]


def test_a_start_time_clips_the_timeline():
    assert short(datetime(2030, 1, 1, 11, tzinfo=UTC)) == [
        ("in_progress", "coder", "11:00", "12:00"),
        ("for_review", None, "12:00", ""),
    ]
