"""An event of a package or mission, as it is in answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from specify_cli.core.events import Event, MissionAccepted, Transitioned, note_of
from specify_cli.core.reviews import MOST_TEXT
from specify_cli.orchestrator_api.values import Value

COMMIT: Final = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")


class Subtask(Value):
    """A subtask, and whether it is done."""

    subtask_id: str
    done: bool


class Review(Value):
    """What an event records of a review."""

    reviewer: str | None = None
    verdict: str | None = None
    reference: str | None = None
    feedback_path: str | None = None


class HistoryEntry(Value):
    """Who did what, and when."""

    event_id: str
    at: str
    actor: str
    orchestrator: str | None = None
    kind: str
    wp_id: str | None = None
    from_lane: str | None = None
    to_lane: str | None = None
    forced: bool | None = None
    released_holder: str | None = None
    note: str | None = None
    is_cut: bool | None = None
    review: Review | None = None
    subtasks: list[Subtask] | None = None
    commit: str | None = None
    base: str | None = None
    correlation_id: str | None = None

    @classmethod
    def of(cls, event: Event) -> HistoryEntry:
        """The wire form of the event."""
        note = note_of(event)
        about: dict[str, Any] = {"kind": "accepted"}
        if isinstance(event, Transitioned):
            about = _transition(event)
        elif not isinstance(event, MissionAccepted):
            about = _annotation(event.delta)
        return cls(
            event_id=event.event_id,
            at=event.at,
            actor=event.actor,
            orchestrator=event.identity or _text(event.policy_metadata, "orchestrator_id"),
            wp_id=getattr(event, "wp_id", None),
            note=note[:MOST_TEXT] if note else None,
            is_cut=bool(note and len(note) > MOST_TEXT) or None,
            correlation_id=event.correlation_id or None,
            **about,
        )


def subtasks_of(ticks: Mapping[str, bool]) -> list[Subtask]:
    """The wire form of subtasks."""
    return [Subtask(subtask_id=name, done=is_done) for name, is_done in ticks.items()]


def _transition(event: Transitioned) -> dict[str, Any]:
    result = event.review_result
    review = Review(
        reviewer=_text(result, "reviewer"),
        verdict=_text(result, "verdict"),
        reference=_text(result, "reference") or event.review_ref or None,
        feedback_path=_text(result, "feedback_path"),
    )
    return {
        "kind": "transition",
        "from_lane": event.from_lane.value,
        "to_lane": event.to_lane.value,
        "forced": event.force or None,
        "released_holder": event.released_holder or None,
        "review": review if review != Review() else None,
        "commit": event.commit or None,
        "base": event.lane_base_ref or None,
    }


def _annotation(delta: Mapping[str, Any]) -> dict[str, Any]:
    marks, commit = delta.get("subtasks"), delta.get("commit")
    if isinstance(marks, dict) and marks:
        done = {str(name): status == "done" for name, status in marks.items()}
        return {"kind": "subtasks", "subtasks": subtasks_of(done)}
    if isinstance(commit, str) and COMMIT.fullmatch(commit):
        return {"kind": "commit", "commit": commit}
    return {"kind": "note"}


def _text(fields: Mapping[str, Any] | None, name: str) -> str | None:
    # Logs of other programs have values of any shape.
    value = (fields or {}).get(name)
    return value if isinstance(value, str) and value else None
