"""prune-replies: remove old replies, and data that has expired by `config.toml`."""

from __future__ import annotations

from specify_cli.orchestrator_api.command import Cause, Command, UseCases
from specify_cli.orchestrator_api.replies import OldRepliesParams, RepliesResult


def handle(params: OldRepliesParams, cause: Cause, services: UseCases) -> RepliesResult:
    """Remove the data; return what was removed."""
    retention = services().retention
    gone = retention.carry_out(retention.plan(params.age, with_trash=True))
    return RepliesResult.of(gone.all_replies, retention.summaries(gone))


COMMAND = Command(
    name="prune-replies",
    params=OldRepliesParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example="spec-kitty mailbox prune --older-than 30d",
)
