"""The history for people: one line per event, with control characters escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from specify_cli.cli import history_shown

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
EVIL = "a\x1b[2Jb\u202ec\rd"


def event(**fields: Any) -> dict[str, Any]:
    known = {"event_id": "1", "at": "2026-11-30T10:00:00+00:00", "actor": "ada", "wp_id": "WP01"}
    return known | fields


def shown(*events: dict[str, Any], is_of_one: bool = False) -> list[str]:
    return [*history_shown.lines(events, now=NOW, is_of_one=is_of_one)]


def test_the_newest_event_is_first_with_its_note_and_review_below() -> None:
    moved = {"kind": "transition", "from_lane": "in_review", "to_lane": "in_progress"}
    review = {"reviewer": "bob", "verdict": "changes_requested", "reference": "pr/1"}
    lines = shown(
        event(kind="subtasks", subtasks=[{"subtask_id": "T001", "done": True}]),
        event(**moved, actor="nightly", review=review, note="no test\nno docs", commit="1" * 40),
    )
    assert lines == [
        (
            f"2026-11-30 10:00:00Z  2 h ago  nightly  WP01  in_review -> in_progress;"
            f" changes requested by bob; commit {'1' * 12}"
        ),
        "    no test",
        "    no docs",
        "    review: pr/1",
        "2026-11-30 10:00:00Z  2 h ago  ada      WP01  T001 done",
    ]


def test_control_characters_in_events_are_escaped() -> None:
    review = {"reviewer": EVIL, "verdict": EVIL, "reference": EVIL}
    moved = {"kind": "transition", "from_lane": "planned", "to_lane": "claimed", "forced": True}
    lines = shown(
        event(kind="note", note=EVIL, actor=EVIL, at=EVIL, wp_id=EVIL, orchestrator=EVIL),
        event(**moved, released_holder=EVIL, review=review | {"feedback_path": EVIL}),
        event(kind="subtasks", subtasks=[{"subtask_id": EVIL, "done": False}]),
    )
    assert all(line.isprintable() for line in lines)
