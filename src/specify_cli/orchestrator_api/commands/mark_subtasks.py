"""mark-subtasks: steps of work packages are done, or open again."""

from __future__ import annotations

from typing import Annotated

from specify_cli.core.move_intent import SubtaskMarks
from specify_cli.orchestrator_api.arguments import AtLeastOne, Constraint, Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.texts import ACTOR, MISSION, PACKAGE, Name, Words
from specify_cli.orchestrator_api.values import argument

Status = Constraint((("pattern", "^(done|pending)$"),))


class MarkSubtasksParams(Params):
    """Arguments of mark-subtasks."""

    mission: Name = argument(MISSION)
    wp: Name | None = argument(f"{PACKAGE} Default: the one with the subtask.", default=None)
    subtasks: Annotated[list[str], AtLeastOne] = argument("Id, such as T001; may be repeated.")
    status: Annotated[str, Status] = argument("done or pending.")
    actor: Words = argument(ACTOR)


class MarkSubtasksResult(MissionResult):
    """Data of mark-subtasks."""

    subtasks: list[str]
    status: str
    work_packages: list[str]
    unchanged: list[str] | None = None


def handle(params: MarkSubtasksParams, cause: Cause, services: UseCases) -> MarkSubtasksResult:
    """Mark the subtasks."""
    marks = SubtaskMarks(wp_id=params.wp, names=tuple(params.subtasks), status=params.status)
    report = services().annotating.mark_subtasks(
        params.mission, marks, actor=params.actor, context=cause
    )
    return MarkSubtasksResult(
        **fields_of(report.mission),
        subtasks=params.subtasks,
        status=params.status,
        work_packages=list(report.wp_ids),
        unchanged=list(report.unchanged) or None,
    )


COMMAND = Command(
    name="mark-subtasks",
    params=MarkSubtasksParams,
    handle=handle,
    changes_state=True,
    is_batched=True,
    example=(
        "spec-kitty orchestrator-api mark-subtasks --mission 001-search --wp WP01"
        " --subtasks T001 --subtasks T002 --status done --actor nightly"
    ),
)
