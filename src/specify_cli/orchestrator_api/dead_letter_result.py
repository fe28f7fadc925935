"""What the commands about dead letters answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specify_cli.orchestrator_api.command import Result

if TYPE_CHECKING:
    from specify_cli.storage.dead_letters import Letter


class LetterResult(Result):
    """Data about a dead letter that was settled; `new_id` is the request that it has become."""

    dead_letter: str
    identity: str
    name: str
    state: str
    new_id: str | None

    @classmethod
    def of(cls, letter: Letter) -> LetterResult:
        """The data about `letter`."""
        return cls(
            dead_letter=letter.letter_id,
            identity=letter.identity,
            name=letter.name,
            state=letter.state,
            new_id=letter.fate.get("new_id"),
        )
