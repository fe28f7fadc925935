from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from specify_cli.core import rules
from specify_cli.core.events import Annotated, Event, MissionAccepted, Transitioned
from specify_cli.core.lanes import MOVES, Lane
from specify_cli.core.move_intent import MoveIntent
from specify_cli.core.rules import Observations
from specify_cli.core.state import PLANNED, PackageState, apply, replay
from specify_cli.errors import SpecKittyError

REVIEW = st.fixed_dictionaries(
    {
        "reviewer": st.just("r"),
        "verdict": st.sampled_from(["approved", "changes_requested"]),
        "reference": st.just("x"),
    }
)
INTENTS = st.builds(
    MoveIntent,
    wp_id=st.just("WP01"),
    actor=st.sampled_from(["", "a", "b"]),
    to=st.sampled_from(Lane),
    force=st.booleans(),
    note=st.sampled_from([None, "", "why"]),
    review_ref=st.sampled_from([None, "x"]),
    review_result=st.none() | REVIEW,
    evidence=st.none() | st.fixed_dictionaries({"review": REVIEW}),
    implementation_evidence_present=st.sampled_from([None, True, False]),
)
OBSERVATIONS = st.builds(
    Observations,
    workspace=st.booleans(),
    subtasks_complete=st.booleans(),
    implementation_evidence=st.sampled_from([None, True, False]),
    unsatisfied_dependencies=st.sampled_from([(), ("WP02",)]),
    blocked_from=st.sampled_from([None, *Lane]),
)
KINDS = st.sampled_from(["transition", "start-implementation", "start-review"])


def moved(origin: Lane, to: Lane, **fields: Any) -> Transitioned:
    told = {"event_id": "E", "at": "2026-01-01T00:00:00+00:00", "actor": "a", "wp_id": "WP01"}
    return Transitioned(**(told | fields), from_lane=origin, to_lane=to)


def decide(
    kind: str, package: PackageState, intent: MoveIntent, observations: Observations
) -> tuple[rules.Transition, ...]:
    try:
        if kind == "transition":
            return rules.decide_transition(package, intent, observations)
        if kind == "start-review":
            return rules.decide_start_review(package, intent)
        return rules.decide_start_implementation(package, intent, observations)
    except SpecKittyError:
        return ()


@given(st.lists(st.tuples(KINDS, INTENTS, OBSERVATIONS), max_size=30))
def test_accepted_transitions_follow_the_table_and_replay_to_the_same_state(
    asked: list[tuple[str, MoveIntent, Observations]],
) -> None:
    package = PLANNED
    events: list[Event] = []
    for kind, intent, observations in asked:
        for move in decide(kind, package, intent, observations):
            assert move.from_lane is package.lane
            assert intent.force or (move.from_lane, move.to_lane) in MOVES
            event = moved(
                move.from_lane,
                move.to_lane,
                actor=intent.actor,
                force=intent.force,
                reason=intent.note,
            )
            package = apply(package, event, len(events) + 1)
            events.append(event)
    assert replay(events).of("WP01") == package


@given(st.lists(st.tuples(KINDS, INTENTS, OBSERVATIONS), max_size=30))
def test_a_claimed_package_always_has_a_holder_and_one_in_review_a_reviewer(
    asked: list[tuple[str, MoveIntent, Observations]],
) -> None:
    package = PLANNED
    for kind, intent, observations in asked:
        for move in decide(kind, package, intent, observations):
            package = apply(package, moved(move.from_lane, move.to_lane, actor=intent.actor), 1)
        at_work = package.lane in (Lane.CLAIMED, Lane.IN_PROGRESS)
        assert not at_work or package.claimed_by is not None
        assert (package.reviewer is not None) == (package.lane is Lane.IN_REVIEW)


def test_a_package_without_events_is_planned() -> None:
    state = replay([])
    assert state.of("WP77") == PLANNED
    assert not state.of("WP77").is_satisfied


def test_a_canceled_package_satisfies_dependents_only_with_a_reason() -> None:
    for reason, is_satisfied in {None: False, " ": False, "not needed": True}.items():
        state = replay([moved(Lane.PLANNED, Lane.CANCELED, reason=reason)])
        assert state.of("WP01").is_satisfied is is_satisfied


def test_a_note_satisfies_dependents_only_if_added_after_the_cancellation() -> None:
    canceled = moved(Lane.PLANNED, Lane.CANCELED)
    for note, is_satisfied in {" ": False, "not needed": True}.items():
        said = Annotated(event_id="e2", at="now", actor="ada", wp_id="WP01", delta={"note": note})
        assert replay([canceled, said]).of("WP01").is_satisfied is is_satisfied
        assert not replay([said, canceled]).of("WP01").is_satisfied


def test_a_package_blocked_twice_remembers_the_status_lane_before_the_first_block() -> None:
    blocked = moved(Lane.CLAIMED, Lane.BLOCKED)
    again = moved(Lane.BLOCKED, Lane.BLOCKED, force=True)
    claimed = moved(Lane.PLANNED, Lane.CLAIMED)
    assert replay([claimed, blocked, again]).of("WP01").blocked_from is Lane.CLAIMED
    freed = moved(Lane.BLOCKED, Lane.PLANNED)
    planned = replay([claimed, blocked, freed]).of("WP01")
    assert (planned.lane, planned.claimed_by, planned.blocked_from) == (Lane.PLANNED, None, None)


def test_the_implementer_keeps_the_claim_until_the_package_is_planned_again() -> None:
    steps = [
        moved(Lane.PLANNED, Lane.CLAIMED, actor="coder"),
        moved(Lane.CLAIMED, Lane.IN_PROGRESS, actor="coder"),
        moved(Lane.IN_PROGRESS, Lane.FOR_REVIEW, actor="coder"),
        moved(Lane.FOR_REVIEW, Lane.IN_REVIEW, actor="reviewer"),
        moved(Lane.IN_REVIEW, Lane.IN_PROGRESS, actor="reviewer"),
    ]
    package = replay(steps).of("WP01")
    assert (package.claimed_by, package.reviewer, package.last_actor) == ("coder", None, "reviewer")
    again = replay([*steps, moved(Lane.IN_PROGRESS, Lane.PLANNED)]).of("WP01")
    assert again.claimed_by is None


def test_the_newest_mark_of_a_subtask_counts_and_survives_transitions() -> None:
    def marked(**marks: str) -> Annotated:
        return Annotated(event_id="E", at="now", actor="b", wp_id="WP01", delta={"subtasks": marks})

    state = replay(
        [
            marked(T001="done", T002="done"),
            moved(Lane.PLANNED, Lane.CLAIMED),
            marked(T001="pending"),
        ]
    )
    assert state.of("WP01").subtask_marks == {"T001": "pending", "T002": "done"}
    assert state.of("WP01").last_actor == "b"
    assert state.of("WP01").lane is Lane.CLAIMED


def test_the_base_commit_is_kept_until_work_starts_again() -> None:
    begun = moved(Lane.CLAIMED, Lane.IN_PROGRESS, lane_base_ref="one")
    later = [begun, moved(Lane.IN_PROGRESS, Lane.FOR_REVIEW)]
    assert replay(later).of("WP01").base_ref == "one"
    anew = moved(Lane.CLAIMED, Lane.IN_PROGRESS, lane_base_ref="two")
    assert replay([*later, anew]).of("WP01").base_ref == "two"


def test_accepting_the_mission_moves_no_package() -> None:
    accepted = MissionAccepted(event_id="E", at="then", actor="a")
    state = replay([moved(Lane.PLANNED, Lane.BLOCKED), accepted])
    assert state.accepted_at == "then"
    assert state.of("WP01").lane is Lane.BLOCKED
