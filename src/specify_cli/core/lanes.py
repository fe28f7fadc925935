"""Status lanes of a work package, and the table of transitions with their guards.

Source: `contract/v1/lanes.json`; a test compares both.
"""

from __future__ import annotations

from enum import StrEnum


class Lane(StrEnum):
    """A status lane: the state of a work package."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    IN_PROGRESS = "in_progress"
    FOR_REVIEW = "for_review"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    DONE = "done"
    BLOCKED = "blocked"
    CANCELED = "canceled"


class Guard(StrEnum):
    """The condition of a transition in the table."""

    ACTOR = "actor"
    WORKSPACE = "workspace"
    SUBTASKS_AND_EVIDENCE = "subtasks_and_evidence"
    REVIEW_CLAIM = "review_claim"
    REVIEW_APPROVED = "review_approved"
    REVIEW_RESULT = "review_result"
    REVIEW_EVIDENCE = "review_evidence"
    REVIEW_REFERENCE = "review_reference"
    REASON = "reason"
    NOT_BEGUN = "not_begun"
    NONE = "none"


ALIASES = {"doing": Lane.IN_PROGRESS}
"""Names accepted on input and never stored."""

OCCUPYING = frozenset({Lane.CLAIMED, Lane.IN_PROGRESS, Lane.FOR_REVIEW, Lane.IN_REVIEW})
"""Status lanes in which a package occupies its execution lane."""

AT_WORK = OCCUPYING - {Lane.CLAIMED}
"""Status lanes in which a package may change its workspace."""

HELD = frozenset({Lane.CLAIMED, Lane.IN_PROGRESS, Lane.IN_REVIEW})
"""Status lanes in which one actor holds a package, or its review."""

FINISHED = frozenset({Lane.APPROVED, Lane.DONE})
"""Status lanes of accepted work, which satisfies dependencies."""

HANDED_IN = FINISHED | {Lane.FOR_REVIEW}
"""Status lanes whose transitions record the commit of the package."""

LEAVING = frozenset({Lane.BLOCKED, Lane.CANCELED, Lane.PLANNED})
"""Status lanes in which a package has left its execution lane unapproved."""

BEFORE_BEGIN = frozenset({Lane.PLANNED, Lane.CLAIMED})
"""Status lanes from which a blocked package can be planned again."""

TERMINAL = frozenset({Lane.DONE, Lane.CANCELED})

MOVES: dict[tuple[Lane, Lane], Guard] = {
    (Lane.PLANNED, Lane.CLAIMED): Guard.ACTOR,
    (Lane.CLAIMED, Lane.IN_PROGRESS): Guard.WORKSPACE,
    (Lane.IN_PROGRESS, Lane.FOR_REVIEW): Guard.SUBTASKS_AND_EVIDENCE,
    (Lane.FOR_REVIEW, Lane.IN_REVIEW): Guard.REVIEW_CLAIM,
    (Lane.IN_REVIEW, Lane.APPROVED): Guard.REVIEW_APPROVED,
    (Lane.IN_REVIEW, Lane.DONE): Guard.REVIEW_APPROVED,
    **{
        (Lane.IN_REVIEW, lane): Guard.REVIEW_RESULT
        for lane in (Lane.IN_PROGRESS, Lane.PLANNED, Lane.BLOCKED, Lane.CANCELED)
    },
    (Lane.IN_PROGRESS, Lane.APPROVED): Guard.REVIEW_EVIDENCE,
    (Lane.APPROVED, Lane.DONE): Guard.REVIEW_EVIDENCE,
    (Lane.APPROVED, Lane.IN_PROGRESS): Guard.REVIEW_REFERENCE,
    (Lane.APPROVED, Lane.PLANNED): Guard.REVIEW_REFERENCE,
    (Lane.IN_PROGRESS, Lane.PLANNED): Guard.REASON,
    **{
        (origin, lane): Guard.NONE
        for origin in (
            Lane.PLANNED,
            Lane.CLAIMED,
            Lane.IN_PROGRESS,
            Lane.FOR_REVIEW,
            Lane.APPROVED,
        )
        for lane in (Lane.BLOCKED, Lane.CANCELED)
    },
    (Lane.BLOCKED, Lane.PLANNED): Guard.NOT_BEGUN,
    (Lane.BLOCKED, Lane.IN_PROGRESS): Guard.NONE,
    (Lane.BLOCKED, Lane.CANCELED): Guard.NONE,
}

POLICY_REQUIRED = frozenset(
    {Lane.CLAIMED, Lane.IN_PROGRESS, Lane.FOR_REVIEW, Lane.IN_REVIEW, Lane.APPROVED}
)
"""Status lanes that a `transition` enters only with policy metadata."""


def lane_named(text: str) -> Lane | None:
    """Return the status lane of that name, trimmed and case-folded, or of that alias; else None."""
    name = text.strip().casefold()
    return ALIASES.get(name) or (Lane(name) if name in Lane.__members__.values() else None)
