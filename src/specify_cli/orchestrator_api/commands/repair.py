"""repair: repair what is safe to repair."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Command
from specify_cli.orchestrator_api.diagnosis import DiagnosisResult, doctor_of
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, Name
from specify_cli.orchestrator_api.values import argument

if TYPE_CHECKING:
    from specify_cli.workflow.context import RequestContext
    from specify_cli.workflow.services import Services


class RepairParams(Params):
    """Arguments of repair."""

    mission: Name | None = argument(MISSION, default=None)
    actor: Name | None = argument(ACTOR, default=None)


def handle(
    params: RepairParams, cause: RequestContext, services: Callable[[], Services]
) -> DiagnosisResult:
    """Repair; return the repaired and the remaining findings."""
    doctor = doctor_of(services())
    return DiagnosisResult.of(
        doctor.repair(params.mission, actor=params.actor or "doctor", cause=cause),
        doctor.project.root,
    )


COMMAND = Command(
    name="repair",
    params=RepairParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    mends_record=True,
    example="spec-kitty doctor --fix",
)
