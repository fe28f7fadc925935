"""show-prompt: the prompt of a package, with the current state of its subtasks."""

from __future__ import annotations

from collections.abc import Collection
from itertools import accumulate
from typing import Final

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, MissionResult, UseCases, fields_of
from specify_cli.orchestrator_api.history_entry import Subtask, subtasks_of
from specify_cli.orchestrator_api.texts import MISSION, PACKAGE, Name
from specify_cli.orchestrator_api.values import argument

MOST_TEXT: Final = 100_000
"""The most characters of a prompt in an answer, and of a list together."""
MOST_ELEMENTS: Final = 1000


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
    subtasks_total: int | None = None
    owned_files: list[str]
    owned_files_total: int | None = None


def handle(params: ShowPromptParams, cause: Cause, services: UseCases) -> ShowPromptResult:
    """Return the prompt with the current state of its subtasks."""
    report = services().prompts.of(params.mission, params.wp)
    subtasks, subtasks_total = _first(report.subtasks)
    owned_files, owned_files_total = _first(report.owned_files)
    return ShowPromptResult(
        **fields_of(report.mission),
        wp_id=report.wp_id,
        prompt_path=str(report.path),
        prompt=report.text[:MOST_TEXT],
        is_cut=len(report.text) > MOST_TEXT or None,
        subtasks=subtasks_of({name: report.subtasks[name] for name in subtasks}),
        subtasks_total=subtasks_total,
        owned_files=owned_files,
        owned_files_total=owned_files_total,
    )


def _first(texts: Collection[str]) -> tuple[list[str], int | None]:
    """Return the first texts, as many as an answer has, and the number of all if there are more."""
    lengths = accumulate(map(len, texts))
    first = [it for it, length in zip(texts, lengths, strict=True) if length <= MOST_TEXT]
    first = first[:MOST_ELEMENTS]
    return first, len(texts) if len(first) < len(texts) else None


COMMAND = Command(
    name="show-prompt",
    params=ShowPromptParams,
    handle=handle,
    example="spec-kitty orchestrator-api show-prompt --mission 001-search --wp WP01",
    is_batched=True,
)
