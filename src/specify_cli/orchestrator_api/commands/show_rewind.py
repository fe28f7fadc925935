"""show-rewind: what would be withdrawn if a mission went back to an event."""

from __future__ import annotations

from specify_cli.orchestrator_api.command import Cause, Command, UseCases
from specify_cli.orchestrator_api.rewind import RewindResult, ShowRewindParams, options_of


def handle(params: ShowRewindParams, cause: Cause, services: UseCases) -> RewindResult:
    """What it would be, and what stands in the way; nothing is changed."""
    report = services().rewinding.show(params.mission, options_of(params))
    return RewindResult.of(report)


COMMAND = Command(
    name="show-rewind",
    params=ShowRewindParams,
    handle=handle,
    is_for_people=True,
    example="spec-kitty mission rewind 001-search --to 01JD8Z6W3M4Y6T1F8B2Q5R7X9N --dry-run",
)
