"""What a review asked for, as it is in answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specify_cli.orchestrator_api.values import Value

if TYPE_CHECKING:
    from specify_cli.core.reviews import Feedback


class FeedbackGiven(Value):
    """What the newest review that sent a package back asked for."""

    reviewer: str
    at: str
    reference: str | None = None
    feedback_path: str | None = None
    text: str | None = None
    is_cut: bool | None = None

    @classmethod
    def of(cls, feedback: Feedback | None) -> FeedbackGiven | None:
        """The wire form; None where there is none."""
        if feedback is None:
            return None
        return cls(
            reviewer=feedback.reviewer,
            at=feedback.at,
            reference=feedback.reference,
            feedback_path=feedback.feedback_path,
            text=feedback.text,
            is_cut=feedback.is_cut or None,
        )
