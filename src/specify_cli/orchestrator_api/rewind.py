"""Arguments and data of the two commands that rewind a mission."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Self

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import MissionResult, fields_of
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, Name, Words
from specify_cli.orchestrator_api.values import Value, argument
from specify_cli.workflow.rewinding import RewindOptions

if TYPE_CHECKING:
    from specify_cli.workflow.rewinding import RewindReport


class ShowRewindParams(Params):
    """Arguments of show-rewind."""

    mission: Name = argument(MISSION)
    to: Name = argument("Id of the event to go back to.")
    force: bool = argument("Rewind even if somebody works on a package.", default=False)
    actor: Words | None = argument("Who asks.", default=None)


class RewindMissionParams(ShowRewindParams):
    """Arguments of rewind-mission."""

    actor: Words = argument(ACTOR)
    reason: Words = argument("Why.", is_private=True)
    newest: Name | None = argument("Id of the last event, as it was shown.", default=None)


def options_of(params: ShowRewindParams, *, newest: str | None = None) -> RewindOptions:
    """Return the options that the arguments ask for."""
    return RewindOptions(event_id=params.to, actor=params.actor, force=params.force, newest=newest)


class WithdrawnShown(Value):
    """A line that is withdrawn."""

    event_id: str
    at: str
    actor: str
    what: str
    wp_id: str | None = None


class PackageChanged(Value):
    """A package whose state changes."""

    wp_id: str
    from_lane: str
    to_lane: str
    holder: str | None
    next_holder: str | None


class RewindResult(MissionResult):
    """Data of show-rewind and rewind-mission."""

    to_event: str
    newest: str
    withdrawn: list[WithdrawnShown]
    packages: list[PackageChanged]
    obstacles: list[str]

    @classmethod
    def of(cls, report: RewindReport) -> Self:
        """The report as data."""
        return cls(
            **fields_of(report.mission),
            to_event=report.to_event,
            newest=report.newest,
            withdrawn=[WithdrawnShown(**asdict(it)) for it in report.withdrawn],
            packages=[PackageChanged(**asdict(it)) for it in report.packages],
            obstacles=[*report.obstacles],
        )
