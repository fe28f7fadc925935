"""Arguments and data of the two commands that rewind a mission."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from specify_cli.orchestrator_api.arguments import Params, argument
from specify_cli.orchestrator_api.command import MissionResult, mission_fields
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, Name, Words
from specify_cli.workflow.rewinding import RewindOptions

if TYPE_CHECKING:
    from specify_cli.workflow.rewinding import RewindReport


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowRewindParams(Params):
    """Arguments of show-rewind."""

    mission: Name = argument(MISSION)
    to: Name = argument("Id of the event to go back to.")
    force: bool = argument("Also where somebody is at work on a package.", default=False)
    actor: Words | None = argument("Who asks.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RewindMissionParams(ShowRewindParams):
    """Arguments of rewind-mission."""

    actor: Words = argument(ACTOR)
    reason: Words = argument("Why.", is_private=True)
    newest: Name | None = argument("Id of the last event, as it was shown.", default=None)


def options_of(params: ShowRewindParams, *, newest: str | None = None) -> RewindOptions:
    """What the arguments wish for."""
    return RewindOptions(event_id=params.to, actor=params.actor, force=params.force, newest=newest)


@dataclass(frozen=True, slots=True, kw_only=True)
class RewindResult(MissionResult):
    """Data of show-rewind and rewind-mission: the report, and the mission that it is about."""

    report: RewindReport

    @classmethod
    def of(cls, report: RewindReport) -> Self:
        """The report as data."""
        return cls(**mission_fields(report.mission), report=report)

    def as_data(self) -> dict[str, Any]:
        """The fields as JSON values, those of the report among them."""
        data = MissionResult.as_data(self)
        report: dict[str, Any] = data.pop("report")
        del report["mission"]
        return data | report
