"""Limits on the requests of one orchestrator that wait at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from specify_cli.errors import StorageFailed
from specify_cli.mailbox.claims import Claim
from specify_cli.mailbox.settings import Orchestrator


class WaitingLimits:
    """The limits that the operator set for one mailbox."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator

    def exceeded(self, count: int, size: int) -> str:
        """Return the limit that this many requests and bytes exceed; empty if they exceed none."""
        limits = self.orchestrator
        if count > limits.max_waiting:
            return f"{limits.max_waiting} requests (max_waiting)"
        if size > limits.max_waiting_bytes:
            return f"{limits.max_waiting_bytes} bytes (max_waiting_bytes)"
        return ""

    def cost(self, size: int) -> int:
        """Return how many bytes of a file of this size count: never more than are read of it."""
        return min(size, self.orchestrator.max_request_bytes + 1)

    def of_recovered(
        self, claims: Sequence[Claim], inbox: Path
    ) -> Iterator[tuple[Claim, StorageFailed | None]]:
        """Yield each claim with its refusal, if it is beyond the limits.

        A claim in the host's own folder was within the limits when it was taken, and may have been
        carried out. A hidden claim in the inbox may be forged, so the limits apply to it.
        """
        count = size = 0
        for claim in claims:
            count, size = count + 1, size + self.cost(claim.size)
            exceeded = self.exceeded(count, size) if claim.path.parent == inbox else ""
            yield claim, self.refusal(exceeded) if exceeded else None

    def refusal(self, limit: str) -> StorageFailed:
        """Return the answer to a request that exceeds the limit."""
        return StorageFailed(
            f"the waiting requests of the mailbox {self.orchestrator.identity} have reached the limit of"
            f" {limit}; nothing was done: wait for answers, then ask again under a new id"
        )
