"""choose-mission: the default mission of a folder."""

from __future__ import annotations

from pathlib import Path

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, Result, UseCases
from specify_cli.orchestrator_api.texts import Name
from specify_cli.orchestrator_api.values import argument


class ChooseMissionParams(Params):
    """Arguments of choose-mission."""

    folder: Name = argument("Current folder of the caller.")


class ChooseMissionResult(Result):
    """Data of choose-mission; no slug where several missions are as likely.

    `lane_id` is the execution lane whose workspace has the folder.
    """

    mission_slug: str | None
    lane_id: str | None
    candidates: list[str]


def handle(params: ChooseMissionParams, cause: Cause, services: UseCases) -> ChooseMissionResult:
    """Return the default mission, or the candidates."""
    choice = services().choosing.mission(Path(params.folder))
    return ChooseMissionResult(
        mission_slug=choice.chosen, lane_id=choice.lane_id, candidates=list(choice.candidates)
    )


COMMAND = Command(
    name="choose-mission",
    params=ChooseMissionParams,
    handle=handle,
    is_for_people=True,
    example="spec-kitty status",
)
