"""diagnose: everything in the project that is not as it should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from specify_cli.orchestrator_api.arguments import Params, argument
from specify_cli.orchestrator_api.command import Command
from specify_cli.orchestrator_api.diagnosis import DiagnosisResult, doctor_of
from specify_cli.orchestrator_api.texts import MISSION, Name

if TYPE_CHECKING:
    from specify_cli.workflow.context import RequestContext
    from specify_cli.workflow.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnoseParams(Params):
    """Arguments of diagnose."""

    mission: Name | None = argument(MISSION, default=None)


def handle(
    params: DiagnoseParams, cause: RequestContext, services: Callable[[], Services]
) -> DiagnosisResult:
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
