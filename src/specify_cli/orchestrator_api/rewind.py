"""What the two commands about rewinding a mission take and tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from specify_cli.orchestrator_api.arguments import Params, argument
from specify_cli.orchestrator_api.command import MissionResult, mission_fields
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, Name, Words
from specify_cli.workflow.rewinding import RewindWish

if TYPE_CHECKING:
    from specify_cli.workflow.rewinding import RewindReport


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowRewindParams(Params):
    """Arguments of show-rewind."""

    mission: Name = argument(MISSION)
    to: Name = argument("Id of the event to go back to.")
    force: bool = argument("Also where somebody is at work on a package.", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RewindMissionParams(ShowRewindParams):
    """Arguments of rewind-mission."""

    actor: Words = argument(ACTOR)
    reason: Words = argument("Why.", is_private=True)
    newest: Name | None = argument("Id of the last event, as it was shown.", default=None)


def wish_of(params: ShowRewindParams, *, newest: str | None = None) -> RewindWish:
    """What the arguments wish for."""
    return RewindWish(event_id=params.to, force=params.force, newest=newest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """A line of the log that does not count any more."""

    event_id: str
    at: str
    actor: str
    what: str
    wp_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """A package that stands elsewhere then."""

    wp_id: str
    from_lane: str
    to_lane: str
    holder: str | None
    next_holder: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RewindResult(MissionResult):
    """Data of show-rewind and rewind-mission."""

    to_event: str
    newest: str
    withdrawn: tuple[Withdrawn, ...]
    packages: tuple[Stands, ...]
    obstacles: tuple[str, ...]

    @classmethod
    def of(cls, report: RewindReport) -> Self:
        """The report as data."""
        return cls(
            **mission_fields(report.mission),
            to_event=report.to_event,
            newest=report.newest,
            withdrawn=tuple(
                Withdrawn(
                    event_id=it.event_id, at=it.at, actor=it.actor, what=it.what, wp_id=it.wp_id
                )
                for it in report.withdrawn
            ),
            packages=tuple(
                Stands(
                    wp_id=it.wp_id,
                    from_lane=it.from_lane.value,
                    to_lane=it.to_lane.value,
                    holder=it.holder,
                    next_holder=it.next_holder,
                )
                for it in report.packages
            ),
            obstacles=tuple(report.obstacles),
        )
