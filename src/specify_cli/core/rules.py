"""The rules of transitions: which transitions carry out an intent, or why it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from specify_cli.core import reviews
from specify_cli.core.claims import already_claimed
from specify_cli.core.lanes import BEFORE_BEGIN, MOVES, Guard, Lane
from specify_cli.core.move_intent import MoveIntent
from specify_cli.core.state import PackageState
from specify_cli.errors import (
    DependenciesNotSatisfied,
    TransitionRejected,
)

BEFORE_WORK = frozenset({Lane.PLANNED, Lane.CLAIMED, Lane.BLOCKED, Lane.CANCELED})
INTO_WORK = frozenset({Lane.CLAIMED, Lane.IN_PROGRESS})


class Transition(NamedTuple):
    """One transition of a package between status lanes."""

    from_lane: Lane
    to_lane: Lane


class Observations(NamedTuple):
    """The host's own evidence about a package; None if there is none.

    The subtasks of a package without subtasks are complete.
    `mission` is its name as a shell argument.
    """

    mission: str = ""
    workspace: bool = False
    subtasks_complete: bool = False
    implementation_evidence: bool | None = None
    unsatisfied_dependencies: tuple[str, ...] = ()
    is_being_merged: bool = False
    canceled_without_note: tuple[str, ...] = ()
    blocked_from: Lane | None = None


def guard_of(origin: Lane, to: Lane) -> Guard | None:
    """Return the guard of a transition; None if it is not in the table."""
    return MOVES.get((origin, to))


def decide_transition(
    package: PackageState, intent: MoveIntent, observed: Observations
) -> tuple[Transition, ...]:
    """Return the one transition that carries out the intent.

    Raises:
        DependenciesNotSatisfied: The transition starts work that waits for a dependency.
        TransitionRejected: The table or a guard refuses the transition.
    """
    move = Transition(from_lane=package.lane, to_lane=intent.to)
    check_dependencies(intent.wp_id, move, observed)
    if observed.is_being_merged:
        complaint = "a merge with its work is being pushed, or was: merge-mission completes that"
        raise rejected(intent, move, guard="merge", complaint=complaint)
    if intent.force:
        if _is_blank(intent.note):
            raise rejected(
                intent, move, guard="force_note", complaint="--force needs --note with the reason"
            )
        return (move,)
    check_guard(move, intent, observed)
    return (move,)


def decide_start_implementation(
    package: PackageState, intent: MoveIntent, observed: Observations
) -> tuple[Transition, ...]:
    """Return the transitions to in_progress; none if the actor works on the package already.

    Raises:
        WorkPackageAlreadyClaimed: Another actor holds the package.
        DependenciesNotSatisfied: A dependency is not satisfied.
        TransitionRejected: The package cannot be started from its status lane.
    """
    if package.lane in INTO_WORK and package.claimed_by != intent.actor:
        holder = package.claimed_by or package.last_actor
        raise already_claimed(f"{intent.wp_id} is held by {holder!r}", holder, intent.actor)
    if package.lane is Lane.IN_PROGRESS:
        return ()
    claim = Transition(from_lane=Lane.PLANNED, to_lane=Lane.CLAIMED)
    begin = Transition(from_lane=Lane.CLAIMED, to_lane=Lane.IN_PROGRESS)
    steps = {Lane.PLANNED: (claim, begin), Lane.CLAIMED: (begin,)}.get(package.lane)
    if steps is None:
        raise _no_edge(intent, Transition(from_lane=package.lane, to_lane=Lane.IN_PROGRESS))
    check_dependencies(intent.wp_id, steps[0], observed)
    return steps


def decide_start_review(package: PackageState, intent: MoveIntent) -> tuple[Transition, ...]:
    """Return the transition to in_review; none if the actor reviews the package already.

    Raises:
        WorkPackageAlreadyClaimed: Another actor holds the review.
        TransitionRejected: The package is not for review.
    """
    if package.lane is Lane.IN_REVIEW:
        if package.reviewer != intent.actor:
            held = f"the review of {intent.wp_id} is held by {package.reviewer!r}"
            raise already_claimed(held, package.reviewer, intent.actor)
        return ()
    move = Transition(from_lane=package.lane, to_lane=Lane.IN_REVIEW)
    if guard_of(move.from_lane, move.to_lane) is None:
        raise _no_edge(intent, move)
    check_guard(move, intent, Observations())
    return (move,)


def check_dependencies(wp_id: str, move: Transition, observed: Observations) -> None:
    """Check the dependencies if the transition starts work. Force does not override this.

    Raises:
        DependenciesNotSatisfied: A dependency is not satisfied.
    """
    starts_work = move.from_lane in BEFORE_WORK and move.to_lane in INTO_WORK
    if starts_work and observed.unsatisfied_dependencies:
        missing = list(observed.unsatisfied_dependencies)
        raise DependenciesNotSatisfied(
            f"{wp_id} waits for {', '.join(missing)}: a dependency is satisfied when it is"
            f" approved or done, or canceled with a note{_how_to_add_a_note(observed)}",
            unsatisfied_dependencies=missing,
        )


def _how_to_add_a_note(observed: Observations) -> str:
    commands = [
        f"'spec-kitty move {wp_id} canceled --mission {observed.mission} --note \"not needed\"'"
        for wp_id in observed.canceled_without_note
    ]
    return f"; add the missing note with {', '.join(commands)}" if commands else ""


def check_self_review(package: PackageState, intent: MoveIntent, *, rule: str) -> str | None:
    """Return a warning about a self-review, else None. Force makes no difference.

    Raises:
        TransitionRejected: The operator's rule is "refuse" (guard `self_review`).
    """
    who = reviews.self_reviewer(
        package.implementers, package.lane, intent, is_strict=rule == "refuse"
    )
    if who is None or rule == "allow":
        return None
    complaint = f"{who!r} implemented it"
    if rule == "refuse":
        move = Transition(from_lane=package.lane, to_lane=intent.to)
        remedy = "let somebody else review it (self_review in .kitty/config.toml)"
        raise rejected(intent, move, guard="self_review", complaint=f"{complaint}: {remedy}")
    return (
        f"{intent.wp_id} is reviewed by its implementer {who!r} (self_review in .kitty/config.toml)"
    )


def check_commit(package: PackageState, intent: MoveIntent, commit: str | None) -> None:
    """Check that the commit of the transition is the one that the caller names, if any.

    Raises:
        TransitionRejected: It is another one (guard `commit`).
    """
    if intent.commit is None or intent.commit == commit:
        return
    complaint = (
        f"you reviewed commit {intent.commit}, but the package has"
        f" {f'commit {commit}' if commit else 'no commit'}: see its work with 'spec-kitty review {intent.wp_id}'"
    )
    move = Transition(from_lane=package.lane, to_lane=intent.to)
    raise rejected(intent, move, guard="commit", complaint=complaint)


def check_guard(move: Transition, intent: MoveIntent, observed: Observations) -> None:
    """Check that the table has the transition and that its guard is satisfied.

    Raises:
        TransitionRejected: It is not; `guard` names the guard.
    """
    guard = guard_of(move.from_lane, move.to_lane)
    if guard is None:
        raise _no_edge(intent, move, remedy="; --force with --note overrides")
    complaint = _COMPLAINTS[guard](intent, observed)
    if complaint:
        raise rejected(intent, move, guard=guard.value, complaint=complaint)


def _actor(intent: MoveIntent, observed: Observations) -> str | None:
    return "an actor is needed (--actor)" if _is_blank(intent.actor) else None


def _workspace(intent: MoveIntent, observed: Observations) -> str | None:
    if observed.workspace:
        return None
    return "its workspace is not allocated: call start-implementation"


def _subtasks_and_evidence(intent: MoveIntent, observed: Observations) -> str | None:
    if not observed.subtasks_complete:
        tick = f"spec-kitty agent tasks mark-status {intent.wp_id} --status done --mission {observed.mission}"
        return f"its subtasks are not complete: call mark-subtasks, or tick them with '{tick}'"
    # The host uses its own evidence; the caller's flag counts only if there is none.
    seen, claimed = observed.implementation_evidence, intent.implementation_evidence_present
    if seen is False and not observed.workspace:
        return (
            "the branch of its execution lane has no commit of its own, and its workspace does not exist:"
            " call start-implementation, which creates it again, and commit the work in it"
        )
    if not (claimed if seen is None else seen):
        return "the branch of its execution lane has no commit of its own: commit the work in its workspace"
    return None


def _review_approved(intent: MoveIntent, observed: Observations) -> str | None:
    if (intent.review_result or {}).get("verdict") == "approved":
        return None
    return "a review result with the verdict 'approved' is needed (--review-result-json)"


def _review_result(intent: MoveIntent, observed: Observations) -> str | None:
    return None if intent.review_result else "a review result is needed (--review-result-json)"


def _review_evidence(intent: MoveIntent, observed: Observations) -> str | None:
    if (intent.evidence or {}).get("review", {}).get("verdict") == "approved":
        return None
    return "review evidence with the verdict 'approved' is needed (--evidence-json)"


def _review_reference(intent: MoveIntent, observed: Observations) -> str | None:
    return "a review reference is needed (--review-ref)" if _is_blank(intent.review_ref) else None


def _reason(intent: MoveIntent, observed: Observations) -> str | None:
    return "a reason is needed (--note)" if _is_blank(intent.note) else None


def _not_begun(intent: MoveIntent, observed: Observations) -> str | None:
    if observed.blocked_from in BEFORE_BEGIN:
        return None
    return f"it was {observed.blocked_from or 'in progress'} when it was blocked, so it returns to in_progress"


def _nothing(intent: MoveIntent, observed: Observations) -> str | None:
    return None


_COMPLAINTS: dict[Guard, Callable[[MoveIntent, Observations], str | None]] = {
    Guard.ACTOR: _actor,
    Guard.WORKSPACE: _workspace,
    Guard.SUBTASKS_AND_EVIDENCE: _subtasks_and_evidence,
    Guard.REVIEW_CLAIM: _actor,
    Guard.REVIEW_APPROVED: _review_approved,
    Guard.REVIEW_RESULT: _review_result,
    Guard.REVIEW_EVIDENCE: _review_evidence,
    Guard.REVIEW_REFERENCE: _review_reference,
    Guard.REASON: _reason,
    Guard.NOT_BEGUN: _not_begun,
    Guard.NONE: _nothing,
}


def _is_blank(text: str | None) -> bool:
    return not (text or "").strip()


def _no_edge(intent: MoveIntent, move: Transition, *, remedy: str = "") -> TransitionRejected:
    allowed = ", ".join(to for origin, to in MOVES if origin is move.from_lane)
    hint = f"from {move.from_lane} it can go to: {allowed or 'no other status lane'}{remedy}"
    return rejected(intent, move, guard="edge", complaint=hint)


def rejected(
    intent: MoveIntent, move: Transition, *, guard: str, complaint: str
) -> TransitionRejected:
    """Return the error of that guard."""
    return TransitionRejected(
        f"{intent.wp_id} cannot go from {move.from_lane} to {move.to_lane}: {complaint}",
        from_lane=move.from_lane.value,
        to_lane=move.to_lane.value,
        guard=guard,
    )
