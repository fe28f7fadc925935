"""Feedback and self-review, derived from the log."""

from __future__ import annotations

from typing import Any

import pytest

from specify_cli.core.events import Transitioned
from specify_cli.core.lanes import Lane
from specify_cli.core.move_intent import MoveIntent
from specify_cli.core.reviews import MOST_TEXT
from specify_cli.core.rules import check_self_review
from specify_cli.core.state import PackageState, replay
from specify_cli.errors import TransitionRejected

BACK = {"reviewer": "rev", "verdict": "changes_requested", "reference": "r-1"}


def moved(actor: str, origin: str, to: str, **more: Any) -> Transitioned:
    return Transitioned(
        event_id=f"{origin}-{to}",
        at="2026-01-01T00:00:00Z",
        actor=actor,
        wp_id="WP01",
        from_lane=Lane(origin),
        to_lane=Lane(to),
        **more,
    )


WORKED = (
    moved("ada", "planned", "claimed"),
    moved("ada", "claimed", "in_progress"),
    moved("ada", "in_progress", "for_review"),
)
REVIEWED = (*WORKED, moved("rev", "for_review", "in_review"))


def state(*events: Transitioned) -> PackageState:
    return replay(events).of("WP01")


def test_feedback_is_kept_through_rework_until_approval():
    back = moved("rev", "in_review", "in_progress", review_result=BACK, reason="no test")
    again = moved("ada", "in_progress", "for_review")
    held = state(*REVIEWED, back, again).feedback
    assert held is not None
    assert (held.reviewer, held.reference, held.text) == ("rev", "r-1", "no test")
    approved = moved("rev", "for_review", "approved", force=True, reason="good")
    assert state(*REVIEWED, back, again, approved).feedback is None


def test_withdrawing_an_approval_counts_as_feedback():
    approved = moved("rev", "in_review", "approved")
    back = moved("lead", "approved", "planned", review_ref="r-2")
    held = state(*REVIEWED, approved, back).feedback
    assert held is not None
    assert (held.reviewer, held.reference, held.text) == ("lead", "r-2", None)


def test_giving_up_a_package_leaves_no_feedback():
    assert (
        state(*WORKED[:2], moved("ada", "in_progress", "planned", reason="stuck")).feedback is None
    )


def test_an_implementer_who_withdraws_a_submission_keeps_earlier_feedback():
    asked = (moved("rev", "in_review", "in_progress", review_result=BACK), WORKED[2])
    taken = moved("ada", "for_review", "in_progress", force=True, reason="a word of mine")
    held = state(*REVIEWED, *asked, taken).feedback
    assert held is not None
    assert held.reviewer == "rev"
    assert state(*WORKED, taken).feedback is None
    for actor, reference in (("lead", None), ("ada", "r-2")):
        words = {"force": True, "reason": "x", "review_ref": reference}
        back = moved(actor, "for_review", "in_progress", **words)
        held = state(*REVIEWED, *asked, back).feedback
        assert held is not None
        assert held.reviewer == actor


def test_a_review_result_with_wrong_types_is_read_as_far_as_possible():
    odd = {"reviewer": ["x"], "verdict": {"a": 1}, "reference": 7, "feedback_path": None}
    held = state(*REVIEWED, moved("rev", "in_review", "planned", review_result=odd)).feedback
    assert held is not None
    assert (held.reviewer, held.reference, held.feedback_path) == ("rev", None, None)


def test_long_feedback_is_truncated_and_marked_as_cut():
    long = moved("rev", "in_review", "planned", reason="x" * (MOST_TEXT + 1))
    held = state(*REVIEWED, long).feedback
    assert held is not None
    assert held.is_cut
    assert held.text == "x" * MOST_TEXT


@pytest.mark.parametrize("to", ["in_review", "approved", "done"])
@pytest.mark.parametrize("force", [False, True])
def test_self_review_is_allowed_warned_of_or_refused_by_the_rule(to: str, force: bool):
    intent = MoveIntent(wp_id="WP01", actor="ada", to=Lane(to), force=force, note="x")
    assert check_self_review(state(*WORKED), intent, rule="warn")
    assert check_self_review(state(*WORKED), intent, rule="allow") is None
    with pytest.raises(TransitionRejected) as refused:
        check_self_review(state(*WORKED), intent, rule="refuse")
    assert refused.value.details["guard"] == "self_review"


def test_approving_a_package_after_giving_it_up_is_a_self_review():
    back = moved("ada", "in_progress", "planned", reason="x")
    intent = MoveIntent(wp_id="WP01", actor="ada", to=Lane.APPROVED, force=True, note="x")
    assert check_self_review(state(*WORKED[:2], back), intent, rule="warn")


def test_naming_the_implementer_or_submitter_as_reviewer_is_a_self_review():
    handed_in = state(*WORKED[:2], moved("bob", "in_progress", "for_review"))
    for actor, reviewer in (("rev", "ada"), ("rev", "bob")):
        result = BACK | {"reviewer": reviewer, "verdict": "approved"}
        intent = MoveIntent(wp_id="WP01", actor=actor, to=Lane.APPROVED, review_result=result)
        assert check_self_review(handed_in, intent, rule="warn")


def test_an_implementer_may_record_the_review_of_another_unless_the_rule_refuses():
    intent = MoveIntent(wp_id="WP01", actor="ada", to=Lane.APPROVED, evidence={"review": BACK})
    assert check_self_review(state(*WORKED), intent, rule="warn") is None
    with pytest.raises(TransitionRejected):
        check_self_review(state(*WORKED), intent, rule="refuse")


def test_other_reviewers_and_moves_without_a_verdict_are_not_self_reviews():
    for actor, to in (("rev", "approved"), ("ada", "in_progress"), ("ada", "canceled")):
        intent = MoveIntent(wp_id="WP01", actor=actor, to=Lane(to))
        assert check_self_review(state(*REVIEWED), intent, rule="refuse") is None


def test_a_reviewer_who_returns_a_package_is_not_an_implementer():
    back = moved("rev", "in_review", "in_progress", review_result=BACK)
    lost = moved("rev", "in_review", "for_review", force=True, reason="lost")
    for event in (back, lost):
        assert state(*REVIEWED, event).implementers == {"ada"}


def test_marking_an_approved_package_done_is_not_a_self_review():
    approved = state(*REVIEWED, moved("rev", "in_review", "approved"))
    intent = MoveIntent(wp_id="WP01", actor="ada", to=Lane.DONE)
    assert check_self_review(approved, intent, rule="refuse") is None
