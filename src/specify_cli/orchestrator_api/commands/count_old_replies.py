"""count-old-replies: list what prune-replies would remove."""

from __future__ import annotations

from specify_cli.orchestrator_api.command import Cause, Command, UseCases
from specify_cli.orchestrator_api.replies import OldRepliesParams, RepliesResult


def handle(params: OldRepliesParams, cause: Cause, services: UseCases) -> RepliesResult:
    """Return what would be removed; remove nothing."""
    retention = services().retention
    plan = retention.plan(params.age, with_trash=True)
    return RepliesResult.of(plan.all_replies, retention.summaries(plan))


COMMAND = Command(
    name="count-old-replies",
    params=OldRepliesParams,
    handle=handle,
    is_for_people=True,
    example="spec-kitty mailbox prune --older-than 30d --dry-run",
)
