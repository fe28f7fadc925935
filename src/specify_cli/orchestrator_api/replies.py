"""What the commands about what can be pruned take and answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from specify_cli.orchestrator_api.arguments import Constraint, Params
from specify_cli.orchestrator_api.command import Result
from specify_cli.orchestrator_api.values import argument

if TYPE_CHECKING:
    from specify_cli.workflow.replies import Reply
    from specify_cli.workflow.retention import PruneSummary

Seconds = Annotated[int, Constraint((("ge", 0), ("le", 10**10)))]


class OldRepliesParams(Params):
    """Which replies are old; without an age none is."""

    older_than_s: Seconds | None = argument("Age in seconds.", default=None)

    @property
    def age(self) -> timedelta | None:
        """How old a reply must be."""
        return None if self.older_than_s is None else timedelta(seconds=self.older_than_s)


class RepliesResult(Result):
    """Data about what can be pruned: how many replies, by orchestrator; and all of it, by rule."""

    replies: int
    by_orchestrator: dict[str, int]
    going: list[dict[str, Any]]

    @classmethod
    def of(cls, replies: Sequence[Reply], going: Sequence[PruneSummary]) -> RepliesResult:
        """The data about `replies` and all that is `going`."""
        counts: dict[str, int] = {}
        for reply in replies:
            counts[reply.identity] = counts.get(reply.identity, 0) + 1
        return cls(
            replies=len(replies),
            by_orchestrator=counts,
            going=[
                {"what": it.what, "count": it.count, "bytes": it.bytes, "rule": it.rule}
                for it in going
            ],
        )
