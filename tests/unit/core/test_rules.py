from __future__ import annotations

from typing import Any

import pytest

from specify_cli.core import rules
from specify_cli.core.lanes import MOVES, Guard, Lane
from specify_cli.core.move_intent import MoveIntent, check_review_agreement
from specify_cli.core.rules import Observations, Transition
from specify_cli.core.state import PackageState
from specify_cli.errors import (
    DependenciesNotSatisfied,
    TransitionRejected,
    WorkPackageAlreadyClaimed,
)

PAIRS = [(origin, to) for origin in Lane for to in Lane]
APPROVED = {"reviewer": "r", "verdict": "approved", "reference": "x"}
CHANGES = {"reviewer": "r", "verdict": "changes_requested", "reference": "x"}
EVERYTHING: dict[str, Any] = {
    "note": "why",
    "review_ref": "x",
    "review_result": APPROVED,
    "evidence": {"review": APPROVED},
    "implementation_evidence_present": True,
}
ALL_SEEN = Observations(
    workspace=True,
    subtasks_complete=True,
    implementation_evidence=True,
    blocked_from=Lane.PLANNED,
)
WAITING = Observations(unsatisfied_dependencies=("WP09",))


def intent(to: Lane, **brought: Any) -> MoveIntent:
    return MoveIntent(wp_id="WP01", to=to, **({"actor": "coder"} | brought))


def observing(**seen: Any) -> Observations:
    return ALL_SEEN._replace(**seen)


def guard_that_refuses(
    origin: Lane, asked: MoveIntent, observations: Observations = ALL_SEEN
) -> str:
    with pytest.raises(TransitionRejected) as caught:
        rules.decide_transition(PackageState(lane=origin), asked, observations)
    assert caught.value.details["from_lane"] == origin.value
    assert caught.value.details["to_lane"] == asked.to.value
    return str(caught.value.details["guard"])


# All 81 pairs of status lanes.


@pytest.mark.parametrize(("origin", "to"), PAIRS)
def test_with_all_evidence_exactly_the_transitions_of_the_table_are_allowed(
    origin: Lane, to: Lane
) -> None:
    asked = intent(to, **EVERYTHING)
    if (origin, to) in MOVES:
        moves = rules.decide_transition(PackageState(lane=origin), asked, ALL_SEEN)
        assert moves == (Transition(from_lane=origin, to_lane=to),)
    else:
        assert guard_that_refuses(origin, asked) == "edge"


@pytest.mark.parametrize(("origin", "to"), PAIRS)
def test_without_evidence_only_transitions_that_need_none_are_allowed(
    origin: Lane, to: Lane
) -> None:
    guard = MOVES.get((origin, to))
    asked = intent(to)
    if guard in (Guard.NONE, Guard.ACTOR, Guard.REVIEW_CLAIM):
        assert rules.decide_transition(PackageState(lane=origin), asked, Observations())
    else:
        expected = guard.value if guard else "edge"
        assert guard_that_refuses(origin, asked, Observations()) == expected


@pytest.mark.parametrize(("origin", "to"), PAIRS)
def test_force_with_a_note_allows_any_transition(origin: Lane, to: Lane) -> None:
    moves = rules.decide_transition(
        PackageState(lane=origin), intent(to, force=True, note="because"), Observations()
    )
    assert moves == (Transition(from_lane=origin, to_lane=to),)


@pytest.mark.parametrize("note", [None, "", "  \n"])
def test_force_without_a_note_is_refused(note: str | None) -> None:
    asked = intent(Lane.DONE, force=True, note=note)
    assert guard_that_refuses(Lane.PLANNED, asked) == "force_note"


# The evidence that guards check.


@pytest.mark.parametrize(
    ("seen", "told", "is_allowed"),
    [
        (True, None, True),
        (True, False, True),
        (False, True, False),
        (None, True, True),
        (None, False, False),
        (None, None, False),
    ],
)
def test_the_callers_flag_counts_only_if_the_host_has_no_evidence_of_its_own(
    seen: bool | None, told: bool | None, is_allowed: bool
) -> None:
    package = PackageState(lane=Lane.IN_PROGRESS)
    observations = observing(implementation_evidence=seen)
    asked = intent(Lane.FOR_REVIEW, implementation_evidence_present=told)
    if is_allowed:
        assert rules.decide_transition(package, asked, observations)
    else:
        assert guard_that_refuses(package.lane, asked, observations) == "subtasks_and_evidence"


def test_submitting_from_a_missing_workspace_suggests_start_implementation() -> None:
    asked = intent(Lane.FOR_REVIEW, **EVERYTHING)
    observations = observing(implementation_evidence=False, workspace=False)
    with pytest.raises(
        TransitionRejected, match="call start-implementation, which creates it again"
    ):
        rules.decide_transition(PackageState(lane=Lane.IN_PROGRESS), asked, observations)


def test_a_package_with_open_subtasks_cannot_be_submitted_for_review() -> None:
    asked = intent(Lane.FOR_REVIEW, **EVERYTHING)
    observations = observing(subtasks_complete=False)
    assert guard_that_refuses(Lane.IN_PROGRESS, asked, observations) == "subtasks_and_evidence"


@pytest.mark.parametrize("to", [Lane.APPROVED, Lane.DONE])
def test_a_review_that_requests_changes_cannot_approve_a_package(to: Lane) -> None:
    refused = guard_that_refuses(Lane.IN_REVIEW, intent(to, review_result=CHANGES))
    assert refused == "review_approved"


def test_a_review_that_requests_changes_returns_the_package_to_work() -> None:
    package = PackageState(lane=Lane.IN_REVIEW)
    asked = intent(Lane.IN_PROGRESS, review_result=CHANGES)
    assert rules.decide_transition(package, asked, Observations())


@pytest.mark.parametrize("verdict", ["approved", "changes_requested"])
def test_review_evidence_approves_only_with_the_verdict_approved(verdict: str) -> None:
    asked = intent(Lane.APPROVED, evidence={"review": {**APPROVED, "verdict": verdict}})
    if verdict == "approved":
        assert rules.decide_transition(PackageState(lane=Lane.IN_PROGRESS), asked, Observations())
    else:
        assert guard_that_refuses(Lane.IN_PROGRESS, asked) == "review_evidence"


@pytest.mark.parametrize("blank", ["", " \t"])
def test_blank_notes_references_and_actors_do_not_satisfy_guards(blank: str) -> None:
    back = intent(Lane.PLANNED, note=blank, review_ref=blank)
    assert guard_that_refuses(Lane.IN_PROGRESS, back) == "reason"
    assert guard_that_refuses(Lane.APPROVED, back) == "review_reference"
    claim = intent(Lane.CLAIMED, actor=blank)
    assert guard_that_refuses(Lane.PLANNED, claim) == "actor"


@pytest.mark.parametrize(
    "proofs",
    [
        {"review_ref": "y", "review_result": APPROVED},
        {"review_ref": "y", "evidence": {"review": APPROVED}},
        {"review_result": CHANGES, "evidence": {"review": APPROVED}},
        {"review_result": {**APPROVED, "reviewer": "s"}, "evidence": {"review": APPROVED}},
    ],
)
def test_contradictory_review_fields_are_refused(proofs: dict[str, Any]) -> None:
    with pytest.raises(TransitionRejected) as caught:
        check_review_agreement(intent(Lane.APPROVED, **proofs))
    assert caught.value.details["guard"] == "review_agreement"


def test_consistent_or_single_review_fields_are_accepted() -> None:
    whole = {k: EVERYTHING[k] for k in ("review_ref", "review_result", "evidence")}
    for proofs in (whole, *({name: value} for name, value in whole.items()), {}):
        check_review_agreement(intent(Lane.APPROVED, **proofs))


# Dependencies.


@pytest.mark.parametrize(("origin", "to"), PAIRS)
def test_unsatisfied_dependencies_block_every_way_into_work_even_with_force(
    origin: Lane, to: Lane
) -> None:
    forced = intent(to, force=True, note="now")
    into_work = origin in rules.BEFORE_WORK and to in rules.INTO_WORK
    if into_work:
        with pytest.raises(DependenciesNotSatisfied) as caught:
            rules.decide_transition(PackageState(lane=origin), forced, WAITING)
        assert caught.value.details == {"unsatisfied_dependencies": ["WP09"]}
    else:
        assert rules.decide_transition(PackageState(lane=origin), forced, WAITING)


# start-implementation.


def start(
    package: PackageState, actor: str = "coder", observations: Observations = ALL_SEEN
) -> list[Lane]:
    moves = rules.decide_start_implementation(
        package, intent(Lane.IN_PROGRESS, actor=actor), observations
    )
    return [lane for move in moves for lane in (move.from_lane, move.to_lane)]


def test_starting_a_planned_package_claims_it_and_begins_work() -> None:
    assert start(PackageState()) == [Lane.PLANNED, Lane.CLAIMED, Lane.CLAIMED, Lane.IN_PROGRESS]


def test_starting_ones_own_claimed_package_begins_work() -> None:
    claimed = PackageState(lane=Lane.CLAIMED, claimed_by="coder")
    assert start(claimed) == [Lane.CLAIMED, Lane.IN_PROGRESS]


def test_starting_ones_own_package_in_progress_changes_nothing() -> None:
    assert (
        start(PackageState(lane=Lane.IN_PROGRESS, claimed_by="coder"), observations=WAITING) == []
    )


@pytest.mark.parametrize("lane", [Lane.CLAIMED, Lane.IN_PROGRESS])
def test_starting_a_package_of_another_is_refused_and_names_both_actors(lane: Lane) -> None:
    with pytest.raises(WorkPackageAlreadyClaimed) as caught:
        start(PackageState(lane=lane, claimed_by="first"), actor="second")
    assert caught.value.details == {"claimed_by": "first", "requesting_actor": "second"}


@pytest.mark.parametrize(
    "lane", [x for x in Lane if x not in (Lane.PLANNED, Lane.CLAIMED, Lane.IN_PROGRESS)]
)
def test_starting_a_package_past_in_progress_is_refused(lane: Lane) -> None:
    with pytest.raises(TransitionRejected) as caught:
        start(PackageState(lane=lane, claimed_by="coder"))
    assert caught.value.details["guard"] == "edge"


@pytest.mark.parametrize("lane", [Lane.PLANNED, Lane.CLAIMED])
def test_starting_a_package_with_unsatisfied_dependencies_is_refused(lane: Lane) -> None:
    with pytest.raises(DependenciesNotSatisfied):
        start(PackageState(lane=lane, claimed_by="coder"), observations=WAITING)


# start-review.


def review(package: PackageState, actor: str = "reviewer") -> tuple[Transition, ...]:
    return rules.decide_start_review(package, intent(Lane.IN_REVIEW, actor=actor))


def test_starting_ones_own_review_again_changes_nothing() -> None:
    assert len(review(PackageState(lane=Lane.FOR_REVIEW))) == 1
    assert review(PackageState(lane=Lane.IN_REVIEW, reviewer="reviewer")) == ()


def test_a_second_reviewer_is_refused() -> None:
    with pytest.raises(WorkPackageAlreadyClaimed) as caught:
        review(PackageState(lane=Lane.IN_REVIEW, reviewer="first"), actor="second")
    assert caught.value.details == {"claimed_by": "first", "requesting_actor": "second"}


@pytest.mark.parametrize("lane", [x for x in Lane if x not in (Lane.FOR_REVIEW, Lane.IN_REVIEW)])
def test_a_package_that_is_not_for_review_cannot_be_reviewed(lane: Lane) -> None:
    with pytest.raises(TransitionRejected):
        review(PackageState(lane=lane))
