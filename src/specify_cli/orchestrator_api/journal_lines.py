"""The journal line of a request."""

from __future__ import annotations

from typing import Any

from specify_cli import clock
from specify_cli.orchestrator_api import arguments
from specify_cli.orchestrator_api.request import Origin
from specify_cli.orchestrator_api.validated_request import ValidatedRequest


def journal_line(
    judgement: ValidatedRequest, origin: Origin, *, dead_letter: str | None
) -> dict[str, Any]:
    """Return the line of a request without its answer."""
    params, at = judgement.params, clock.timestamp()
    line: dict[str, Any] = {
        "correlation_id": judgement.request.correlation_id,
        "at": at,
        "door": origin.door,
        "identity": origin.identity,
        "actor": getattr(params, "actor", None),
        "digest": judgement.digest,
        "command": judgement.wire_name,
        "args": arguments.public(type(params), judgement.given) if params is not None else None,
        "policy": judgement.policy,
        "envelope": None,
        "event_ids": [],
        "commits": [],
        "dead_letter": dead_letter,
    }
    if origin.received_at is not None:
        # The clock of another file system may be ahead.
        line["received_at"] = min(origin.received_at, at)
    return line
