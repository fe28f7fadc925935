"""Reviews in the log: feedback, implementers, and self-review."""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING, Final, NamedTuple

from specify_cli.core.events import JsonObject, Transitioned
from specify_cli.core.lanes import FINISHED, Lane

if TYPE_CHECKING:
    from specify_cli.core.move_intent import MoveIntent

MOST_TEXT: Final = 10_000
"""Maximal number of characters of a note in an answer."""

_BACK: Final = frozenset({Lane.CLAIMED, Lane.IN_PROGRESS, Lane.PLANNED})
_JUDGED: Final = FINISHED | {Lane.FOR_REVIEW, Lane.IN_REVIEW}
_BEFORE_REVIEW: Final = frozenset(Lane) - _JUDGED


class Feedback(NamedTuple):
    """The feedback of a review that sent a package back."""

    reviewer: str
    at: str
    reference: str | None = None
    feedback_path: str | None = None
    text: str | None = None
    is_cut: bool = False


def feedback_in(event: Transitioned, *, implementers: Set[str]) -> Feedback | None:
    """Return the feedback in a transition; None if it does not send the package back.

    A transition by which an implementer withdraws a submission, with only a note, is not feedback.
    """
    result = event.review_result or {}
    note = (event.reason or "").strip()
    takes_back = event.from_lane is Lane.FOR_REVIEW and event.actor in implementers
    sends_back = event.from_lane in _JUDGED and event.to_lane in _BACK
    says_something = bool(result or event.review_ref or (note and not takes_back))
    if not ((sends_back and says_something) or result.get("verdict") == "changes_requested"):
        return None
    return Feedback(
        reviewer=_text(result, "reviewer") or event.actor,
        at=event.at,
        reference=_text(result, "reference") or event.review_ref or None,
        feedback_path=_text(result, "feedback_path"),
        text=note[:MOST_TEXT] or None,
        is_cut=len(note) > MOST_TEXT,
    )


def implementers_after(known: Set[str], event: Transitioned, *, has_holder: bool) -> frozenset[str]:
    """Return the implementers after the transition: who claimed the package last and who submitted it last."""
    begins = event.to_lane is Lane.IN_PROGRESS and not has_holder
    if event.to_lane is Lane.CLAIMED or begins:
        return frozenset({event.actor})
    hands_in = event.to_lane is Lane.FOR_REVIEW and event.from_lane in _BEFORE_REVIEW
    return frozenset(known | {event.actor}) if hands_in else frozenset(known)


def self_reviewer(
    implementers: Set[str], origin: Lane, intent: MoveIntent, *, is_strict: bool
) -> str | None:
    """Return the implementer who would review their own work by the transition, else None.

    The reviewer is the one that the result or evidence names, else the actor. If the rule `is_strict`, the
    actor counts too, because the caller chooses the name of the reviewer.
    """
    approves = intent.to in FINISHED and origin not in FINISHED
    if not approves and intent.to is not Lane.IN_REVIEW:
        return None
    evidence = (intent.evidence or {}).get("review", {})
    reviewer = (intent.review_result or {}).get("reviewer") or evidence.get("reviewer")
    judges = [reviewer or intent.actor, *([intent.actor] if is_strict else [])]
    return next((name for name in judges if name in implementers), None)


def _text(result: JsonObject, name: str) -> str | None:
    # Logs of other versions have results of any shape.
    value = result.get(name)
    return value if isinstance(value, str) and value else None
