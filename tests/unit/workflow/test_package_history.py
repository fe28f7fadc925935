"""The history of a package or a mission is read in pages, and every event is on one of them."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.stage import SLUG, Stage

WP01 = {"mission": SLUG, "wp": "WP01"}


def note(stage: Stage, text: str) -> None:
    stage.done("append-history", policy=None, actor="ada", note=text, **WP01)


def pages(stage: Stage, way: str, **asked: Any) -> list[list[dict[str, Any]]]:
    """All pages in that direction."""
    found, end = [], -1 if way == "after" else 0
    data = stage.done("package-history", policy=None, **asked)
    while data["history"]:
        found.append(data["history"])
        named = {way: data["history"][end]["event_id"]}
        data = stage.done("package-history", policy=None, **asked, **named)
    return found


def test_every_event_is_on_exactly_one_page_in_both_directions(stage: Stage) -> None:
    stage.write_mission({"WP01": {}}, slug="002-other")
    for number in range(5):
        note(stage, f"note {number}")
    whole = stage.done("package-history", policy=None, **WP01)
    assert [it["note"] for it in whole["history"]] == [f"note {number}" for number in range(5)]
    assert (whole["earlier"], whole["later"]) == (0, 0)
    back = pages(stage, "before", **WP01, limit=2)
    assert [len(it) for it in back] == [2, 2, 1]
    assert [event for page in reversed(back) for event in page] == whole["history"]
    first = whole["history"][0]["event_id"]
    onward = stage.done("package-history", policy=None, **WP01, limit=2, after=first)
    assert onward["history"] == whole["history"][1:3]
    assert (onward["earlier"], onward["later"]) == (1, 2)


def test_long_notes_are_truncated_and_limit_the_page(stage: Stage) -> None:
    for _ in range(25):
        note(stage, "x" * 10_001)
    page = stage.done("package-history", policy=None, **WP01)
    assert [len(it["note"]) for it in page["history"]] == [10_000] * 20
    assert all(it["is_cut"] for it in page["history"])
    assert page["earlier"] == 5


def test_events_of_other_programs_are_shown_as_far_as_they_can_be_read(stage: Stage) -> None:
    moved = {
        "wp_id": "WP01",
        "actor": {"tool": "other"},
        "from_lane": "planned",
        "to_lane": "doing",
    }
    odd = {"review_result": {"reviewer": 7, "verdict": ["no"]}, "review_ref": "pr/1"}
    line = {"event_id": "01JA0000000000000000000009", "at": "yesterday", **moved, **odd}
    stage.put_log(json.dumps(line | {"policy_metadata": {"orchestrator_id": 5}}) + "\n")
    [event] = stage.done("package-history", policy=None, **WP01)["history"]
    assert event["actor"] == "other"
    assert event["to_lane"] == "in_progress"
    assert event["review"] == {"reference": "pr/1"}
    assert "orchestrator" not in event
