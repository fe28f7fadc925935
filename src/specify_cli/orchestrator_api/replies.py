"""What the commands about old replies take and answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from specify_cli.orchestrator_api.arguments import Constraint, Params, argument
from specify_cli.orchestrator_api.command import Result

if TYPE_CHECKING:
    from specify_cli.workflow.replies import Reply

Seconds = Annotated[int, Constraint((("ge", 0), ("le", 10**10)))]


@dataclass(frozen=True, slots=True, kw_only=True)
class OldRepliesParams(Params):
    """Which replies are old."""

    older_than_s: Seconds = argument("Age in seconds.")

    @property
    def age(self) -> timedelta:
        """How old a reply must be."""
        return timedelta(seconds=self.older_than_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepliesResult(Result):
    """Data about replies: how many, by orchestrator."""

    replies: int
    by_orchestrator: dict[str, int]

    @classmethod
    def of(cls, replies: Sequence[Reply]) -> RepliesResult:
        """The data about `replies`."""
        counts: dict[str, int] = {}
        for reply in replies:
            counts[reply.identity] = counts.get(reply.identity, 0) + 1
        return cls(replies=len(replies), by_orchestrator=counts)
