"""Use cases on one work package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from specify_cli.core import claims, rules
from specify_cli.core.events import Event, Transitioned
from specify_cli.core.lanes import FINISHED, Lane
from specify_cli.core.move_intent import MoveIntent
from specify_cli.core.rules import Transition
from specify_cli.storage.project import Project
from specify_cli.workflow import lane_occupancy, transitions
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.liveness import acting
from specify_cli.workflow.mission import (
    OpenMission,
)
from specify_cli.workflow.offers import offered, others_offered
from specify_cli.workflow.package_lookup import open_package
from specify_cli.workflow.reports import CommitsBeyond, MoveReport, StartReport, WorkspaceReport
from specify_cli.workflow.transition_events import from_and_to, moved_events

if TYPE_CHECKING:
    from specify_cli.workflow.submitted_work import SubmittedWork


class WorkPackages:
    """Move one package of a mission."""

    __slots__ = ("project",)

    def __init__(self, project: Project) -> None:
        self.project = project

    def start_implementation(
        self, selector: str, intent: MoveIntent, context: RequestContext
    ) -> StartReport:
        """Start work on the package and prepare its workspace; no-op for its holder.

        Raises:
            MissionNotFound: there is no such mission.
            WorkPackageNotFound: the mission has no such package.
            DependenciesNotSatisfied: a dependency is not finished.
            WorkPackageAlreadyClaimed: another actor holds the package.
            TransitionRejected: a guard refuses the move.
            LaneAllocationFailed: the workspace cannot be made.
            StorageFailed: the disk or git refused.
        """
        from specify_cli.workflow import lane_workspaces

        actor = intent.actor
        with (
            offered(self.project, selector, intent.wp_id, looks=True) as offer,
            acting(self.project, selector, intent.wp_id, actor=actor, cause=context) as mission,
        ):
            recorded = _moves_recorded(mission, context)
            package = mission.state_of(intent.wp_id)
            moves: Sequence[Transition] = ()
            if not recorded:
                claims.check_admitted(package, intent, mission=mission.shell_name)
                facts = transitions.start_observations(mission, intent.wp_id)
                moves = rules.decide_start_implementation(package, intent, facts)
                lane_occupancy.check_turn(mission, intent.wp_id)
            annotations: Sequence[Event] = ()
            warned: tuple[str, ...] = ()
            owner = transitions.owner_of(mission, context)
            if moves:
                ready = lane_workspaces.allocate(mission, intent.wp_id, offer=offer, owner=owner)
                workspace, annotations, warned = ready.workspace, ready.annotations, ready.warnings
            else:
                workspace = lane_workspaces.reopen(mission, intent.wp_id, offer=offer, owner=owner)
            events = moved_events(moves, intent, context, base_ref=workspace.base_ref)
            mission.append([*annotations, *events], context)
            report = _move_report(mission, intent, recorded or events, context=context)
            report = report._replace(warnings=(*report.warnings, *warned))
            feedback = mission.state_of(intent.wp_id).feedback
            return StartReport(move=report, workspace=workspace, feedback=feedback)

    def start_review(
        self, selector: str, intent: MoveIntent, context: RequestContext
    ) -> MoveReport:
        """Start the review of the package by the actor; no-op for its reviewer.

        The report includes what a reviewer must know of the work.

        Raises:
            MissionNotFound: there is no such mission.
            WorkPackageNotFound: the mission has no such package.
            WorkPackageAlreadyClaimed: another actor holds the package.
            TransitionRejected: a guard refuses the move.
            StorageFailed: the disk or git refused.
        """
        from specify_cli.workflow import moved_work, submitted_work

        actor = intent.actor
        with acting(self.project, selector, intent.wp_id, actor=actor, cause=context) as mission:
            events = _moves_recorded(mission, context)
            if not events:
                claims.check_admitted(
                    mission.state_of(intent.wp_id), intent, mission=mission.shell_name
                )
            commit = moved_work.under_review(mission, intent.wp_id)
            work = submitted_work.examine(mission, intent.wp_id, commit)
            if not events:
                moves = rules.decide_start_review(mission.state_of(intent.wp_id), intent)
                warned = transitions.self_review(mission, intent, is_made=not moves)
                events = moved_events(moves, intent, context)
                mission.append(events, context)
            else:
                warned = transitions.self_review(mission, intent, is_made=True)
            report = _move_report(mission, intent, events, context=context, work=work)
            return report._replace(commit=commit, warnings=(*warned, *report.warnings))

    def transition(self, selector: str, intent: MoveIntent, context: RequestContext) -> MoveReport:
        """Make the requested move.

        Raises:
            MissionNotFound: there is no such mission.
            WorkPackageNotFound: the mission has no such package.
            DependenciesNotSatisfied: a dependency is not finished.
            TransitionRejected: a guard refuses the move.
            LaneLost: the branch of the execution lane is gone.
            StorageFailed: the disk or git refused.
        """
        actor = intent.actor
        with (
            offered(
                self.project, selector, intent.wp_id, looks=intent.to is Lane.IN_PROGRESS
            ) as offer,
            others_offered(self.project, selector, intent) as others,
            acting(self.project, selector, intent.wp_id, actor=actor, cause=context) as mission,
        ):
            events = _moves_recorded(mission, context)
            if events:
                from specify_cli.workflow import submitted_work

                # The answer must equal that of the first call.
                work = submitted_work.examine(mission, intent.wp_id, events[-1].commit)
                warned = transitions.self_review(
                    mission, intent, is_made=True, origin=events[0].from_lane
                )
            else:
                events, work, warned = transitions.move(
                    mission, intent, context, offer=offer, others=others
                )
            commit = events[-1].commit
            left = _beyond_approval(mission, intent, commit)
            report = _move_report(mission, intent, events, context=context, work=work)
            handed_in = _hand_in_warnings(mission, events[-1])
            return report._replace(
                commit=commit or None,
                commits_not_included=(left,) if left else (),
                warnings=(*warned, *report.warnings, *handed_in),
            )

    def resolve_workspace(self, selector: str, wp_id: str) -> WorkspaceReport:
        """Return the workspace of the package, existing or planned; change nothing.

        Raises:
            MissionNotFound: there is no such mission.
            WorkPackageNotFound: the mission has no such package.
            LaneLost: the branch of the execution lane is gone.
            StateUnreadable: the state of the project is damaged.
        """
        from specify_cli.workflow import lane_workspaces

        return lane_workspaces.inspect(open_package(self.project, selector, wp_id), wp_id)


def _beyond_approval(
    mission: OpenMission, intent: MoveIntent, commit: str | None
) -> CommitsBeyond | None:
    if intent.to not in FINISHED:
        return None
    from specify_cli.workflow import moved_work

    return moved_work.beyond_approval(mission, intent, commit)


def _hand_in_warnings(mission: OpenMission, event: Transitioned) -> tuple[str, ...]:
    """Return warnings about what the implementer may have forgotten."""
    if event.to_lane is not Lane.FOR_REVIEW or event.from_lane is not Lane.IN_PROGRESS:
        return ()
    from specify_cli.workflow import submitted_work

    sent_back = mission.state_of(event.wp_id).sent_back
    again = f"{event.commit} is the commit that the last review sent back"
    is_again = event.commit is not None and event.commit == sent_back
    return (
        *((again,) if is_again else ()),
        *submitted_work.uncommitted_warnings(mission, event),
        *submitted_work.unsandboxed_warnings(mission, event),
    )


def _moves_recorded(mission: OpenMission, context: RequestContext) -> list[Transitioned]:
    recorded = context.claim(mission.log.caused_by(context.correlation_id, context.identity))
    return [event for event in recorded if isinstance(event, Transitioned)]


def _move_report(
    mission: OpenMission,
    intent: MoveIntent,
    events: Sequence[Transitioned],
    *,
    context: RequestContext,
    work: SubmittedWork | None = None,
) -> MoveReport:
    wp_id = intent.wp_id
    from_lane, to_lane = from_and_to(events, mission.state_of(wp_id).lane)
    return MoveReport(
        mission=mission.identity,
        wp_id=wp_id,
        from_lane=from_lane,
        to_lane=to_lane,
        prompt_path=mission.package(wp_id).prompt_path,
        policy_recorded=bool(events) and context.policy is not None,
        no_op=not events,
        outside_owned_files=work.outside_listed if work else (),
        warnings=work.warnings if work else (),
    )
