"""Feedback and self-review, as the log tells them."""

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


def test_feedback_stands_through_rework_until_approval():
    back = moved("rev", "in_review", "in_progress", review_result=BACK, reason="no test")
    again = moved("ada", "in_progress", "for_review")
    held = state(*REVIEWED, back, again).feedback
    assert held is not None
    assert (held.reviewer, held.reference, held.text) == ("rev", "r-1", "no test")
    approved = moved("rev", "for_review", "approved", force=True, reason="good")
    assert state(*REVIEWED, back, again, approved).feedback is None


def test_a_withdrawn_approval_is_feedback():
    approved = moved("rev", "in_review", "approved")
    back = moved("lead", "approved", "planned", review_ref="r-2")
    held = state(*REVIEWED, approved, back).feedback
    assert held is not None
    assert (held.reviewer, held.reference, held.text) == ("lead", "r-2", None)


def test_a_package_that_is_given_up_has_no_feedback():
    assert (
        state(*WORKED[:2], moved("ada", "in_progress", "planned", reason="stuck")).feedback is None
    )


def test_who_takes_back_what_they_handed_in_replaces_no_feedback():
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


def test_review_result_of_any_shape_is_read():
    odd = {"reviewer": ["x"], "verdict": {"a": 1}, "reference": 7, "feedback_path": None}
    held = state(*REVIEWED, moved("rev", "in_review", "planned", review_result=odd)).feedback
    assert held is not None
    assert (held.reviewer, held.reference, held.feedback_path) == ("rev", None, None)


def test_long_text_is_cut_and_says_so():
    long = moved("rev", "in_review", "planned", reason="x" * (MOST_TEXT + 1))
    held = state(*REVIEWED, long).feedback
    assert held is not None
    assert held.is_cut
    assert held.text == "x" * MOST_TEXT


@pytest.mark.parametrize("to", ["in_review", "approved", "done"])
@pytest.mark.parametrize("force", [False, True])
def test_nobody_reviews_their_own_work_where_the_operator_refuses(to: str, force: bool):
    wish = MoveIntent(wp_id="WP01", actor="ada", to=Lane(to), force=force, note="x")
    assert check_self_review(state(*WORKED), wish, rule="warn")
    assert check_self_review(state(*WORKED), wish, rule="allow") is None
    with pytest.raises(TransitionRejected) as refused:
        check_self_review(state(*WORKED), wish, rule="refuse")
    assert refused.value.details["guard"] == "self_review"


def test_who_gives_the_package_back_and_approves_it_reviews_their_own_work():
    back = moved("ada", "in_progress", "planned", reason="x")
    wish = MoveIntent(wp_id="WP01", actor="ada", to=Lane.APPROVED, force=True, note="x")
    assert check_self_review(state(*WORKED[:2], back), wish, rule="warn")


def test_who_hands_in_for_another_and_a_named_reviewer_count():
    handed_in = state(*WORKED[:2], moved("bob", "in_progress", "for_review"))
    for actor, reviewer in (("rev", "ada"), ("rev", "bob")):
        result = BACK | {"reviewer": reviewer, "verdict": "approved"}
        wish = MoveIntent(wp_id="WP01", actor=actor, to=Lane.APPROVED, review_result=result)
        assert check_self_review(handed_in, wish, rule="warn")


def test_who_passes_on_the_review_of_another_is_refused_and_not_warned_of():
    wish = MoveIntent(wp_id="WP01", actor="ada", to=Lane.APPROVED, evidence={"review": BACK})
    assert check_self_review(state(*WORKED), wish, rule="warn") is None
    with pytest.raises(TransitionRejected):
        check_self_review(state(*WORKED), wish, rule="refuse")


def test_others_and_moves_that_judge_nothing_are_not_warned_of():
    for actor, to in (("rev", "approved"), ("ada", "in_progress"), ("ada", "canceled")):
        wish = MoveIntent(wp_id="WP01", actor=actor, to=Lane(to))
        assert check_self_review(state(*REVIEWED), wish, rule="refuse") is None


def test_the_reviewer_who_sends_back_or_gives_up_the_review_did_not_implement():
    back = moved("rev", "in_review", "in_progress", review_result=BACK)
    lost = moved("rev", "in_review", "for_review", force=True, reason="lost")
    for event in (back, lost):
        assert state(*REVIEWED, event).implementers == {"ada"}


def test_an_approved_package_that_is_merged_is_not_reviewed_again():
    approved = state(*REVIEWED, moved("rev", "in_review", "approved"))
    wish = MoveIntent(wp_id="WP01", actor="ada", to=Lane.DONE)
    assert check_self_review(approved, wish, rule="refuse") is None
