"""rewind-mission: return a mission to its state after an event."""

from __future__ import annotations

from specify_cli.orchestrator_api.command import Cause, Command, UseCases
from specify_cli.orchestrator_api.rewind import RewindMissionParams, RewindResult, options_of


def handle(params: RewindMissionParams, cause: Cause, services: UseCases) -> RewindResult:
    """Rewind; return the withdrawn events and the state of the packages."""
    report = services().rewinding.rewind(
        params.mission,
        options_of(params, newest=params.newest),
        actor=params.actor,
        reason=params.reason,
        context=cause,
    )
    return RewindResult.of(report)


COMMAND = Command(
    name="rewind-mission",
    params=RewindMissionParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example=(
        "spec-kitty mission rewind 001-search --to 01JD8Z6W3M4Y6T1F8B2Q5R7X9N"
        ' --reason "approved by mistake"'
    ),
)
