"""One move of a package, with its effects on the package's commits and workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from specify_cli.core import claims, rules
from specify_cli.core.events import Transitioned
from specify_cli.core.lanes import AT_WORK, FINISHED, HANDED_IN, LEAVING, OCCUPYING, Guard, Lane
from specify_cli.core.move_intent import MoveIntent
from specify_cli.core.rules import Observations, Transition
from specify_cli.core.state import PackageState
from specify_cli.errors import TransitionRejected
from specify_cli.workflow import lane_occupancy, merge_intent, offers
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.mission import OpenMission
from specify_cli.workflow.offers import Offer
from specify_cli.workflow.transition_events import PreparedTransition, moved_events

if TYPE_CHECKING:
    from specify_cli.workflow.submitted_work import SubmittedWork


def self_review(
    mission: OpenMission, intent: MoveIntent, *, is_made: bool, origin: Lane | None = None
) -> tuple[str, ...]:
    """Return the warning about an actor who reviews their own work.

    A move that was made already (`is_made`, from `origin`) is not refused.

    Raises:
        TransitionRejected: a guard refuses the move.
        StateUnreadable: the state of the project is damaged.
    """
    package = mission.state_of(intent.wp_id)
    rule = mission.files.project.settings.self_review
    warning = rules.check_self_review(
        package._replace(lane=origin or package.lane),
        intent,
        rule="warn" if is_made and rule == "refuse" else rule,
    )
    return (warning,) if warning else ()


def move(
    mission: OpenMission,
    intent: MoveIntent,
    context: RequestContext,
    *,
    offer: Offer,
    others: Sequence[Offer] = (),
) -> tuple[list[Transitioned], SubmittedWork | None, tuple[str, ...]]:
    """Make and record the requested move.

    `offer` is from the package's workspace, `others` are from those of other packages; their commits are
    taken in where that is allowed.

    Returns:
        The events, the submitted work if there is any, and warnings.

    Raises:
        WorkPackageAlreadyClaimed: another actor holds the package.
        DependenciesNotSatisfied: a dependency is not finished.
        TransitionRejected: a guard refuses the move.
        LaneAllocationFailed, LaneLost: the workspace cannot be made, or its branch is gone.
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    package = mission.state_of(intent.wp_id)
    claims.check_admitted(package, intent, mission=mission.shell_name)
    begins = intent.to is Lane.IN_PROGRESS and package.lane not in AT_WORK
    if not begins:  # Otherwise the preparation of the workspace checks the offer.
        offer = offers.taken_in(mission, offer, others)
    moves = _decided(mission, package, intent, offer=offer)
    if intent.to in OCCUPYING:
        lane_occupancy.check_turn(mission, intent.wp_id)
    warned = self_review(mission, intent, is_made=False)
    if intent.to not in HANDED_IN:
        rules.check_commit(package, intent, None)
    if offer.refusal and _needs_commits(package, intent):
        raise offers.rejected(mission, intent, offer.refusal)
    ready = _prepared(mission, intent, package, offer=offer, owner=owner_of(mission, context))
    # Without a repository, this is the only check of the commit.
    rules.check_commit(package, intent, ready.commit)
    events = moved_events(moves, intent, context, base_ref=ready.base_ref, commit=ready.commit)
    mission.append([*ready.annotations, *events], context)
    return events, ready.work, (*warned, *offer.warnings)


def owner_of(mission: OpenMission, context: RequestContext) -> int | None:
    """Return the user who owns the workspaces of this orchestrator; None for the host's user.

    Raises:
        StateUnreadable: the state of the project is damaged.
    """
    return mission.files.project.settings.owners.get(context.identity or "")


def _decided(
    mission: OpenMission, package: PackageState, intent: MoveIntent, *, offer: Offer
) -> Sequence[Transition]:
    """Decide the transitions."""
    try:
        return rules.decide_transition(package, intent, _observations(mission, package, intent))
    except TransitionRejected as error:
        is_about_work = error.details.get("guard") == Guard.SUBTASKS_AND_EVIDENCE.value
        if offer.refusal and is_about_work:
            raise offers.rejected(mission, intent, offer.refusal) from error
        raise


def _prepared(
    mission: OpenMission,
    intent: MoveIntent,
    package: PackageState,
    *,
    offer: Offer,
    owner: int | None,
) -> PreparedTransition:
    """Do the same as `moved_work.prepared`; skip git for moves that do not need it, such as a claim."""
    is_at_work = intent.to in HANDED_IN or intent.to is Lane.IN_PROGRESS
    if not (is_at_work or package.lane in FINISHED or intent.to in LEAVING):
        return PreparedTransition()
    from specify_cli.workflow import moved_work

    return moved_work.prepared(mission, intent, package, offer=offer, owner=owner)


def _needs_commits(package: PackageState, intent: MoveIntent) -> bool:
    """Whether the move is about the current commits of the workspace."""
    is_in_review = package.lane in (Lane.FOR_REVIEW, Lane.IN_REVIEW) and intent.to in FINISHED
    return intent.to in HANDED_IN and package.lane in AT_WORK and not is_in_review


def release(
    mission: OpenMission, intent: MoveIntent, context: RequestContext, *, holder: str, offer: Offer
) -> tuple[list[Transitioned], tuple[str, ...]]:
    """Make and record the move that ends the claim of `holder`; keep the package's commits.

    `offer` is from the package's workspace, and was taken in before.

    Returns:
        The events, and warnings.

    Raises:
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    package = mission.state_of(intent.wp_id)
    # A review that ends without a verdict does not change what was submitted.
    is_review = package.lane is Lane.IN_REVIEW
    ready = (
        PreparedTransition()
        if is_review
        else _prepared(mission, intent, package, offer=offer, owner=None)
    )
    events = moved_events(
        (Transition(from_lane=package.lane, to_lane=intent.to),),
        intent,
        context,
        commit=package.commit,
        released_holder=holder,
    )
    mission.append([*ready.annotations, *events], context)
    return events, offer.warnings


def start_observations(mission: OpenMission, wp_id: str) -> Observations:
    """Return what a start of the package depends on besides its state."""
    missing = mission.unsatisfied(wp_id)
    known = [x for x in missing if x in mission.packages]
    return Observations(
        mission=mission.shell_name,
        unsatisfied_dependencies=missing,
        canceled_without_note=tuple(x for x in known if mission.state_of(x).lane is Lane.CANCELED),
    )


def _observations(mission: OpenMission, package: PackageState, intent: MoveIntent) -> Observations:
    """Observe what the guard of this move needs; run git only if the guard needs it."""
    guard = rules.guard_of(package.lane, intent.to)
    if intent.to is Lane.IN_PROGRESS:
        from specify_cli.workflow import lane_workspaces

        # Work can resume only if the earlier commits still exist.
        lane_workspaces.inspect(mission, intent.wp_id)
    observations = start_observations(mission, intent.wp_id)._replace(
        blocked_from=package.blocked_from,
        is_being_merged=intent.wp_id in merge_intent.moved_packages(mission.files),
    )
    if intent.force or guard not in (Guard.WORKSPACE, Guard.SUBTASKS_AND_EVIDENCE):
        return observations
    from specify_cli.workflow import lane_workspaces

    return observations._replace(
        workspace=lane_workspaces.inspect(mission, intent.wp_id).exists,
        subtasks_complete=all(mission.subtask_ticks(intent.wp_id).values()),
        implementation_evidence=lane_workspaces.sees_implementation(mission, intent.wp_id),
    )
