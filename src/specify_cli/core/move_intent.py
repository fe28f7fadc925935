"""What callers request of a package. Every help page loads this module, so it imports little."""

from __future__ import annotations

from typing import Any, NamedTuple

from specify_cli.core.lanes import Lane
from specify_cli.errors import TransitionRejected


class MoveIntent(NamedTuple):
    """A requested transition of one package, with its evidence."""

    wp_id: str
    actor: str
    to: Lane
    force: bool = False
    note: str | None = None
    review_ref: str | None = None
    review_result: dict[str, Any] | None = None
    evidence: dict[str, Any] | None = None
    implementation_evidence_present: bool | None = None
    commit: str | None = None


class MergeOptions(NamedTuple):
    """How to merge a mission. Default target: the mission's own; default actor: the host."""

    target: str | None = None
    strategy: str = "merge"
    push: bool = False
    actor: str | None = None


class SubtaskMarks(NamedTuple):
    """Subtasks and their new status, "done" or "pending"; of the package `wp_id`, or of any."""

    names: tuple[str, ...]
    status: str
    wp_id: str | None = None


def check_review_agreement(intent: MoveIntent) -> None:
    """Check that review reference, review result and evidence agree.

    Raises:
        TransitionRejected: They disagree (guard `review_agreement`).
    """
    result = intent.review_result or {}
    review = (intent.evidence or {}).get("review", {})
    for name, values in {
        "reference": (intent.review_ref, result.get("reference"), review.get("reference")),
        "verdict": (result.get("verdict"), review.get("verdict")),
        "reviewer": (result.get("reviewer"), review.get("reviewer")),
    }.items():
        if len({value for value in values if value is not None}) > 1:
            raise TransitionRejected(
                f"review reference, review result and evidence disagree about the {name}:"
                " send the same value in each, or only one of them",
                guard="review_agreement",
                to_lane=intent.to.value,
            )
