"""What can be adjusted about a worker."""

from __future__ import annotations

from dataclasses import dataclass

from specify_cli.protocol import (
    MAX_DAILY_BYTES,
    MAX_DAILY_REQUESTS,
    MAX_REQUEST_BYTES,
    MAX_WAITING,
    MAX_WAITING_BYTES,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orchestrator:
    """One orchestrator that has a mailbox of its own, and the bounds on what it may leave there.

    What it may ask for is judged by the dispatcher; `commands` is only told in its heartbeat.
    """

    identity: str
    commands: tuple[str, ...]
    # Whose files are requests; None: anybody's.
    owner_uid: int | None = None
    max_waiting: int = MAX_WAITING
    max_waiting_bytes: int = MAX_WAITING_BYTES
    max_request_bytes: int = MAX_REQUEST_BYTES
    max_daily_requests: int = MAX_DAILY_REQUESTS
    max_daily_bytes: int = MAX_DAILY_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How a worker behaves, and for whom."""

    contract_version: str
    orchestrators: tuple[Orchestrator, ...]
    # How many mailboxes of orchestrators that nobody granted anything are answered.
    max_ungranted: int = 256
    poll_interval_s: float = 1.0
    beat_interval_s: float = 2.0
    # How long a file that does not parse may have been written last to count as still being written,
    # and how long this can go on.
    grace_s: float = 2.0
    patience_s: float = 30.0
    look_again_s: float = 0.1
    # The pause after a disk that refused: doubled each time, up to the longest.
    first_pause_s: float = 0.25
    longest_pause_s: float = 10.0
