"""show-prompt: the prompt of a package, with the current state of its subtasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Command, MissionResult, mission_fields
from specify_cli.orchestrator_api.history_entry import Subtask, subtasks_of
from specify_cli.orchestrator_api.texts import MISSION, PACKAGE, Name
from specify_cli.orchestrator_api.values import argument

if TYPE_CHECKING:
    from specify_cli.workflow.context import RequestContext
    from specify_cli.workflow.services import Services

MOST_TEXT: Final = 100_000
"""The most characters of a prompt in an answer."""


class ShowPromptParams(Params):
    """Arguments of show-prompt."""

    mission: Name = argument(MISSION)
    wp: Name = argument(PACKAGE)


class ShowPromptResult(MissionResult):
    """Data of show-prompt."""

    wp_id: str
    prompt_path: str
    prompt: str
    is_cut: bool | None = None
    subtasks: list[Subtask]
    owned_files: list[str]


def handle(
    params: ShowPromptParams, cause: RequestContext, services: Callable[[], Services]
) -> ShowPromptResult:
    """Return the prompt with the current state of its subtasks."""
    report = services().prompts.of(params.mission, params.wp)
    return ShowPromptResult(
        **mission_fields(report.mission),
        wp_id=report.wp_id,
        prompt_path=str(report.path),
        prompt=report.text[:MOST_TEXT],
        is_cut=len(report.text) > MOST_TEXT or None,
        subtasks=subtasks_of(report.subtasks),
        owned_files=list(report.owned_files),
    )


COMMAND = Command(
    name="show-prompt",
    params=ShowPromptParams,
    handle=handle,
    example="spec-kitty orchestrator-api show-prompt --mission 001-search --wp WP01",
    is_batched=True,
)
