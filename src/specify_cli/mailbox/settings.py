"""What can be adjusted about a worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How a worker behaves, and what it says about itself in its heartbeat."""

    contract_version: str
    commands: tuple[str, ...]
    max_request_bytes: int = 256 * 1024
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
