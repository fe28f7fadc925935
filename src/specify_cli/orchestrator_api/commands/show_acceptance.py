"""show-acceptance: show whether a mission waits for its acceptance."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import MISSION, Name
from specify_cli.orchestrator_api.values import argument


class ShowAcceptanceParams(Params):
    """Arguments of show-acceptance."""

    mission: Name = argument(MISSION)


class ShowAcceptanceResult(MissionResult):
    """Data of show-acceptance; `awaits_acceptance`: everything is finished, and that was not accepted since."""

    awaits_acceptance: bool


def handle(params: ShowAcceptanceParams, cause: Cause, services: UseCases) -> ShowAcceptanceResult:
    """Show whether the mission waits for its acceptance."""
    identity, awaits_acceptance = services().accepting.show(params.mission)
    return ShowAcceptanceResult(**fields_of(identity), awaits_acceptance=awaits_acceptance)


COMMAND = Command(
    name="show-acceptance",
    params=ShowAcceptanceParams,
    handle=handle,
    is_for_people=True,
    example="spec-kitty merge",
)
