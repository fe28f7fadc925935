"""repair: repair what is safe to repair."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, UseCases
from specify_cli.orchestrator_api.diagnosis import DiagnosisResult, doctor_of
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, Name
from specify_cli.orchestrator_api.values import argument


class RepairParams(Params):
    """Arguments of repair."""

    mission: Name | None = argument(MISSION, default=None)
    actor: Name | None = argument(ACTOR, default=None)


def handle(params: RepairParams, cause: Cause, services: UseCases) -> DiagnosisResult:
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
