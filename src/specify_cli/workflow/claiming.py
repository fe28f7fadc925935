"""Use cases of claims: heartbeats of their holders, and the release of stale claims."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from specify_cli import clock
from specify_cli.core import claims
from specify_cli.core.claims import Life
from specify_cli.core.events import Transitioned
from specify_cli.core.move_intent import MoveIntent
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.project import Project
from specify_cli.workflow import liveness
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.liveness import acting
from specify_cli.workflow.mission import OpenMission
from specify_cli.workflow.mission_changes import changing_package
from specify_cli.workflow.reports import MoveReport

if TYPE_CHECKING:
    from specify_cli.workflow.offers import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class AliveReport:
    """A recorded heartbeat; `stale_after_s` is the operator's limit for silence."""

    mission: MissionIdentity
    wp_id: str
    at: datetime
    stale_after_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseReport:
    """A released claim, and the move of its package; `commit` is its work, kept for its next start."""

    move: MoveReport
    released_holder: str
    commit: str | None


@dataclass(frozen=True, slots=True)
class Claiming:
    """Records heartbeats for claims on packages or their reviews, and releases claims."""

    project: Project

    def heartbeat(self, selector: str, wp_id: str, *, actor: str) -> AliveReport:
        """Record a heartbeat of the actor, who holds the package.

        Raises:
            MissionNotFound: no mission has this slug.
            WorkPackageNotFound: the mission has no such package.
            WorkPackageAlreadyClaimed: another actor holds the package.
            TransitionRejected: nobody holds the package.
            StateUnreadable: a file of the mission is damaged.
            StorageFailed: the disk refused.
        """
        with changing_package(self.project, selector, wp_id) as mission:
            package = mission.state_of(wp_id)
            intent = MoveIntent(wp_id=wp_id, actor=actor, to=package.lane)
            claims.check_admitted(package, intent, mission=mission.shell_name)
            claims.check_holds(package, wp_id, mission=mission.shell_name, actor=actor)
            return AliveReport(
                mission=mission.identity,
                wp_id=wp_id,
                at=liveness.note(mission, wp_id, actor),
                stale_after_s=self.project.settings.stale_after_s,
            )

    def release(
        self,
        selector: str,
        wp_id: str,
        *,
        actor: str,
        note: str,
        force: bool,
        cause: RequestContext,
    ) -> ReleaseReport:
        """End the claim on the package or its review; without `force`, only a stale one or the actor's own.

        Raises:
            MissionNotFound: no mission has this slug.
            WorkPackageNotFound: the mission has no such package.
            TransitionRejected: nobody holds the package, or the claim of another actor is not stale.
            StateUnreadable: a file of the mission is damaged.
            StorageFailed: the disk refused.
        """
        # Loaded here because they load git, which a heartbeat does not need.
        from specify_cli.workflow import moved_work, offers

        with (
            offers.offered(self.project, selector, wp_id) as offer,
            acting(self.project, selector, wp_id, actor=actor, cause=cause) as mission,
        ):
            warned: tuple[str, ...] = ()
            recorded = cause.claim(mission.log.caused_by(cause.correlation_id, cause.identity))
            events = [it for it in recorded if isinstance(it, Transitioned)]
            if not events:
                # A commit is a sign of life.
                taken = offers.taken_in(mission, offer)
                current = mission.state_of(wp_id).lane
                request = MoveIntent(wp_id=wp_id, actor=actor, to=current, force=force, note=note)
                events, warned = _release(mission, request, cause, offer=taken)
            move = MoveReport(
                mission=mission.identity,
                wp_id=wp_id,
                from_lane=events[0].from_lane,
                to_lane=events[0].to_lane,
                prompt_path=mission.package(wp_id).prompt_path,
                policy_recorded=cause.policy is not None,
                warnings=warned,
            )
            return ReleaseReport(
                move=move,
                released_holder=events[0].released_holder or "",
                commit=moved_work.set_aside(mission, events[0]),
            )


def _release(
    mission: OpenMission, request: MoveIntent, cause: RequestContext, *, offer: Offer
) -> tuple[list[Transitioned], tuple[str, ...]]:
    """Decide where the package goes, and move it there."""
    from specify_cli.workflow import transitions

    package = mission.state_of(request.wp_id)
    is_at_once = request.force or package.holder == request.actor
    claims.check_not_contested(package, request, mission=mission.shell_name)
    holder, to = claims.decide_release(
        package,
        request,
        mission=mission.shell_name,
        life=Life() if is_at_once else liveness.lives(mission).get(request.wp_id, Life()),
        now=clock.now(),
    )
    intent = request._replace(to=to, force=True)
    return transitions.release(mission, intent, cause, holder=holder, offer=offer)
