"""replay-dead-letter: put a dead letter back into its inbox."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, UseCases
from specify_cli.orchestrator_api.dead_letter_result import LetterResult
from specify_cli.orchestrator_api.texts import ACTOR, Name, Words
from specify_cli.orchestrator_api.values import argument


class ReplayDeadLetterParams(Params):
    """Arguments of replay-dead-letter."""

    dead_letter: Name = argument("Id of the dead letter, or a prefix of it.")
    new_id: Name | None = argument("Id of the new request.", default=None)
    actor: Words = argument(ACTOR)


def handle(params: ReplayDeadLetterParams, cause: Cause, services: UseCases) -> LetterResult:
    """Put the dead letter back into its inbox."""
    letters = services().dead_letters
    return LetterResult.of(
        letters.replay(params.dead_letter, new_id=params.new_id, actor=params.actor, cause=cause)
    )


COMMAND = Command(
    name="replay-dead-letter",
    params=ReplayDeadLetterParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example="spec-kitty mailbox dead-letters replay 01JD8Z6W --as retry-7",
)
