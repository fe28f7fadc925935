"""discard-dead-letter: delete the body of a dead letter; its record is kept."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, UseCases
from specify_cli.orchestrator_api.dead_letter_result import LetterResult
from specify_cli.orchestrator_api.texts import ACTOR, Name, Words
from specify_cli.orchestrator_api.values import argument


class DiscardDeadLetterParams(Params):
    """Arguments of discard-dead-letter."""

    dead_letter: Name = argument("Id of the dead letter, or a prefix of it.")
    actor: Words = argument(ACTOR)


def handle(params: DiscardDeadLetterParams, cause: Cause, services: UseCases) -> LetterResult:
    """Delete the body."""
    letters = services().dead_letters
    return LetterResult.of(letters.discard(params.dead_letter, actor=params.actor, cause=cause))


COMMAND = Command(
    name="discard-dead-letter",
    params=DiscardDeadLetterParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example="spec-kitty mailbox dead-letters discard 01JD8Z6W",
)
