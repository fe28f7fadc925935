"""Use cases on claims: their holders say that they are alive, and those of the silent are released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
from specify_cli.workflow.mission_changes import changing_package
from specify_cli.workflow.reports import MoveReport


@dataclass(frozen=True, slots=True, kw_only=True)
class AliveReport:
    """The holder of a package is alive; `stale_after_s` is the operator's rule."""

    mission: MissionIdentity
    wp_id: str
    at: datetime
    stale_after_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseReport:
    """The claim of an actor has ended, and the package was moved with that."""

    move: MoveReport
    released_holder: str


@dataclass(frozen=True, slots=True)
class Claiming:
    """What can be done with the claim on one package of a mission, or on its review."""

    project: Project

    def heartbeat(self, selector: str, wp_id: str, *, actor: str) -> AliveReport:
        """The actor, who holds the package, is alive.

        Raises: MissionNotFound, WorkPackageNotFound, WorkPackageAlreadyClaimed, TransitionRejected,
        StateUnreadable, StorageFailed.
        """
        with changing_package(self.project, selector, wp_id) as mission:
            package = mission.state_of(wp_id)
            wish = MoveIntent(wp_id=wp_id, actor=actor, to=package.lane)
            claims.check_admitted(package, wish, mission=mission.shell_name)
            claims.check_alive(package, wp_id, mission=mission.shell_name, actor=actor)
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
        """The claim on the package, or on its review, has ended; its execution lane is free.

        Without `force`, only one that is stale by the operator's rule.

        Raises: MissionNotFound, WorkPackageNotFound, TransitionRejected, StateUnreadable,
        StorageFailed.
        """
        # A heartbeat needs nothing of git.
        from specify_cli.workflow import offers, transitions

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
                package = mission.state_of(wp_id)
                asked = MoveIntent(wp_id=wp_id, actor=actor, to=package.lane, force=force)
                claims.check_not_contested(package, asked, mission=mission.shell_name)
                holder, to = claims.decide_release(
                    package,
                    wp_id,
                    mission=mission.shell_name,
                    life=Life() if force else liveness.lives(mission).get(wp_id, Life()),
                    now=clock.now(),
                    force=force,
                )
                wish = MoveIntent(wp_id=wp_id, actor=actor, to=to, force=True, note=note)
                events, warned = transitions.release(
                    mission, wish, cause, holder=holder, offer=taken
                )
            move = MoveReport(
                mission=mission.identity,
                wp_id=wp_id,
                from_lane=events[0].from_lane,
                to_lane=events[0].to_lane,
                prompt_path=mission.package(wp_id).prompt_path,
                policy_recorded=cause.policy is not None,
                warnings=warned,
            )
            return ReleaseReport(move=move, released_holder=events[0].released_holder or "")
