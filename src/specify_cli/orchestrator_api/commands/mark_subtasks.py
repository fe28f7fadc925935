"""mark-subtasks: steps of work packages are done, or open again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from specify_cli.orchestrator_api.arguments import Constraint, Params, argument
from specify_cli.orchestrator_api.command import Command, MissionResult, mission_fields
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, Name, Words

if TYPE_CHECKING:
    from specify_cli.workflow.context import RequestContext
    from specify_cli.workflow.services import Services

Status = Constraint((("pattern", "^(done|pending)$"),))
AtLeastOne = Constraint((("min_length", 1),))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkSubtasksParams(Params):
    """Arguments of mark-subtasks."""

    mission: Name = argument(MISSION)
    subtasks: Annotated[list[str], AtLeastOne] = argument("Ids of the subtasks, such as T001.")
    status: Annotated[str, Status] = argument("done or pending.")
    actor: Words = argument(ACTOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkSubtasksResult(MissionResult):
    """Data of mark-subtasks."""

    subtasks: list[str]
    status: str
    work_packages: list[str]


def handle(
    params: MarkSubtasksParams, cause: RequestContext, services: Callable[[], Services]
) -> MarkSubtasksResult:
    """The subtasks are marked."""
    report = services().annotating.mark_subtasks(
        params.mission, params.subtasks, status=params.status, actor=params.actor, context=cause
    )
    return MarkSubtasksResult(
        **mission_fields(report.mission),
        subtasks=params.subtasks,
        status=params.status,
        work_packages=list(report.wp_ids),
    )


COMMAND = Command(
    name="mark-subtasks",
    params=MarkSubtasksParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example="spec-kitty agent tasks mark-status T001 --status done --mission 001-search",
)
