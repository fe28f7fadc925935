"""diagnose: everything in the project that is not as it should be."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, UseCases
from specify_cli.orchestrator_api.diagnosis import DiagnosisResult, doctor_of
from specify_cli.orchestrator_api.texts import MISSION, Name
from specify_cli.orchestrator_api.values import argument


class DiagnoseParams(Params):
    """Arguments of diagnose."""

    mission: Name | None = argument(MISSION, default=None)


def handle(params: DiagnoseParams, cause: Cause, services: UseCases) -> DiagnosisResult:
    """What was found; nothing is changed."""
    doctor = doctor_of(services())
    return DiagnosisResult.of(doctor.diagnose(params.mission), doctor.project.root)


COMMAND = Command(
    name="diagnose",
    params=DiagnoseParams,
    handle=handle,
    is_for_people=True,
    example="spec-kitty doctor",
)
