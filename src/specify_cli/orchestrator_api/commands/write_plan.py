"""write-plan: create plan.md and tasks.md, to be filled in."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import MISSION, Name
from specify_cli.orchestrator_api.values import argument


class WritePlanParams(Params):
    """Arguments of write-plan."""

    mission: Name = argument(MISSION)


class WritePlanResult(MissionResult):
    """Data of write-plan."""

    written: list[str]
    kept: list[str]


def handle(params: WritePlanParams, cause: Cause, services: UseCases) -> WritePlanResult:
    """Create the files; existing ones are kept."""
    report = services().authoring.write_plan(params.mission)
    return WritePlanResult(
        **fields_of(report.identity),
        written=[str(path) for path in report.written],
        kept=[str(path) for path in report.kept],
    )


COMMAND = Command(
    name="write-plan",
    params=WritePlanParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example="spec-kitty plan --mission 001-search",
)
