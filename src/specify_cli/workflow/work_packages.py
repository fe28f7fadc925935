"""Use cases on one work package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from specify_cli.core import claims, rules
from specify_cli.core.events import Event, Transitioned
from specify_cli.core.lanes import FINISHED, Lane
from specify_cli.core.move_intent import MoveIntent
from specify_cli.core.rules import Observations, Transition
from specify_cli.storage.project import Project
from specify_cli.workflow import lane_occupancy, transitions
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.liveness import acting
from specify_cli.workflow.mission import (
    LONGEST_SHOWN,
    OpenMission,
    naming,
    open_mission,
)
from specify_cli.workflow.offers import offered, others_offered
from specify_cli.workflow.reports import CommitsBeyond, MoveReport, StartReport, WorkspaceReport
from specify_cli.workflow.transition_events import from_and_to, moved_events

if TYPE_CHECKING:
    from specify_cli.workflow.submitted_work import SubmittedWork


class WorkPackages:
    """What can be done with one package of a mission."""

    __slots__ = ("project",)

    def __init__(self, project: Project) -> None:
        self.project = project

    def start_implementation(
        self, selector: str, wish: MoveIntent, cause: RequestContext
    ) -> StartReport:
        """The package is in progress and its workspace is ready; no-op for who works on it already.

        Raises: MissionNotFound, WorkPackageNotFound, DependenciesNotSatisfied,
        WorkPackageAlreadyClaimed, TransitionRejected, LaneAllocationFailed, StorageFailed.
        """
        from specify_cli.workflow import lane_workspaces

        actor = wish.actor
        with (
            offered(self.project, selector, wish.wp_id, looks=True) as offer,
            acting(self.project, selector, wish.wp_id, actor=actor, cause=cause) as mission,
        ):
            recorded = _moves_recorded(mission, cause)
            package = mission.state_of(wish.wp_id)
            moves: Sequence[Transition] = ()
            if not recorded:
                claims.check_admitted(package, wish, mission=mission.shell_name)
                sight = Observations(unsatisfied_dependencies=mission.unsatisfied(wish.wp_id))
                moves = rules.decide_start_implementation(package, wish, sight)
                lane_occupancy.check_turn(mission, wish.wp_id)
            told: Sequence[Event] = ()
            warned: tuple[str, ...] = ()
            owner = transitions.owner_of(mission, cause)
            if moves:
                ready = lane_workspaces.allocate(mission, wish.wp_id, offer=offer, owner=owner)
                place, told, warned = ready.workspace, ready.told, ready.warnings
            else:
                place = lane_workspaces.reopen(mission, wish.wp_id, offer=offer, owner=owner)
            events = moved_events(moves, wish, cause, base_ref=place.base_ref)
            mission.append([*told, *events], cause)
            report = _move_report(mission, wish, recorded or events, cause=cause)
            report = report._replace(warnings=(*report.warnings, *warned))
            feedback = mission.state_of(wish.wp_id).feedback
            return StartReport(move=report, workspace=place, feedback=feedback)

    def start_review(self, selector: str, wish: MoveIntent, cause: RequestContext) -> MoveReport:
        """The package is in review by the actor; no-op for who reviews it already.

        The report says what of the work a reviewer has to look at.

        Raises: MissionNotFound, WorkPackageNotFound, WorkPackageAlreadyClaimed,
        TransitionRejected, StorageFailed.
        """
        from specify_cli.workflow import moved_work, submitted_work

        actor = wish.actor
        with acting(self.project, selector, wish.wp_id, actor=actor, cause=cause) as mission:
            events = _moves_recorded(mission, cause)
            if not events:
                claims.check_admitted(
                    mission.state_of(wish.wp_id), wish, mission=mission.shell_name
                )
            commit = moved_work.under_review(mission, wish.wp_id)
            work = submitted_work.look(mission, wish.wp_id, commit)
            if not events:
                moves = rules.decide_start_review(mission.state_of(wish.wp_id), wish)
                warned = transitions.self_review(mission, wish, is_made=not moves)
                events = moved_events(moves, wish, cause)
                mission.append(events, cause)
            else:
                warned = transitions.self_review(mission, wish, is_made=True)
            report = _move_report(mission, wish, events, cause=cause, work=work)
            return report._replace(commit=commit, warnings=(*warned, *report.warnings))

    def transition(self, selector: str, wish: MoveIntent, cause: RequestContext) -> MoveReport:
        """The package has made the one move that was asked for.

        Raises: MissionNotFound, WorkPackageNotFound, DependenciesNotSatisfied,
        TransitionRejected, LaneLost, StorageFailed.
        """
        actor = wish.actor
        with (
            offered(self.project, selector, wish.wp_id, looks=wish.to is Lane.IN_PROGRESS) as offer,
            others_offered(self.project, selector, wish) as others,
            acting(self.project, selector, wish.wp_id, actor=actor, cause=cause) as mission,
        ):
            events = _moves_recorded(mission, cause)
            if events:
                from specify_cli.workflow import submitted_work

                # The answer is the same as when the move was made.
                work = submitted_work.look(mission, wish.wp_id, events[-1].commit)
                warned = transitions.self_review(
                    mission, wish, is_made=True, origin=events[0].from_lane
                )
            else:
                events, work, warned = transitions.move(
                    mission, wish, cause, offer=offer, others=others
                )
            commit = events[-1].commit
            left = _beyond_approval(mission, wish, commit)
            report = _move_report(mission, wish, events, cause=cause, work=work)
            handed_in = _hand_in_warnings(mission, events[-1])
            return report._replace(
                commit=commit or None,
                commits_not_included=(left,) if left else (),
                warnings=(*warned, *report.warnings, *handed_in),
            )

    def resolve_workspace(self, selector: str, wp_id: str) -> WorkspaceReport:
        """Where the package is, or will be, worked on; nothing is changed.

        Raises: MissionNotFound, WorkPackageNotFound, LaneLost, StateUnreadable.
        """
        from specify_cli.workflow import lane_workspaces

        mission = open_mission(self.project, selector)
        with naming(mission_slug=mission.slug, wp_id=wp_id[:LONGEST_SHOWN]):
            mission.package(wp_id)
        return lane_workspaces.inspect(mission, wp_id)


def _beyond_approval(
    mission: OpenMission, wish: MoveIntent, commit: str | None
) -> CommitsBeyond | None:
    if wish.to not in FINISHED:
        return None
    from specify_cli.workflow import moved_work

    return moved_work.beyond_approval(mission, wish, commit)


def _hand_in_warnings(mission: OpenMission, event: Transitioned) -> tuple[str, ...]:
    """What the implementer may have forgotten before the move."""
    if event.to_lane is not Lane.FOR_REVIEW or event.from_lane is not Lane.IN_PROGRESS:
        return ()
    from specify_cli.workflow import submitted_work

    sent_back = mission.state_of(event.wp_id).sent_back
    again = f"{event.commit} is the commit that the newest review sent back"
    is_again = event.commit is not None and event.commit == sent_back
    return (
        *((again,) if is_again else ()),
        *submitted_work.uncommitted_warnings(mission, event),
        *submitted_work.unboxed_warnings(mission, event),
    )


def _moves_recorded(mission: OpenMission, cause: RequestContext) -> list[Transitioned]:
    recorded = cause.claim(mission.log.caused_by(cause.correlation_id, cause.identity))
    return [event for event in recorded if isinstance(event, Transitioned)]


def _move_report(
    mission: OpenMission,
    wish: MoveIntent,
    events: Sequence[Transitioned],
    *,
    cause: RequestContext,
    work: SubmittedWork | None = None,
) -> MoveReport:
    wp_id = wish.wp_id
    from_lane, to_lane = from_and_to(events, mission.state_of(wp_id).lane)
    return MoveReport(
        mission=mission.identity,
        wp_id=wp_id,
        from_lane=from_lane,
        to_lane=to_lane,
        prompt_path=mission.package(wp_id).prompt_path,
        policy_recorded=bool(events) and cause.policy is not None,
        no_op=not events,
        outside_owned_files=work.outside_listed if work else (),
        warnings=work.warnings if work else (),
    )
