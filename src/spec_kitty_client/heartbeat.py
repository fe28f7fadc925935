"""The heartbeat of a worker: whether one serves the mailbox, and whether it is stalled."""

from __future__ import annotations

import contextlib
import json
import os
import time

from spec_kitty_client.reply_files import read_regular_file

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself is slow to load.
    from typing import Any

# Stem of the heartbeat file. No request has this id.
HEARTBEAT = "worker"
# After this many missed beats, the worker counts as dead.
MISSED_BEATS = 3
DEFAULT_BEAT_INTERVAL_S = 2.0
LONGEST_BEAT_INTERVAL_S = 3600.0
MAX_HEARTBEAT_BYTES = 64 * 1024


class WorkerHeartbeat:
    """State of the worker, read from its heartbeat.

    The worker is alive if the heartbeat is recent by the clock, or if it changes between two calls of
    `look`. The second test works even if the clocks of the two machines differ.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._changed_at = float("-inf")
        self._beat_at = float("-inf")
        self.was_alive = self.is_alive = False
        self.report: dict[str, Any] = {}

    def look(self) -> bool:
        """Read the heartbeat; return whether a worker serves the mailbox."""
        try:
            status = os.stat(self._path)
            report = json.loads(read_regular_file(self._path, max_bytes=MAX_HEARTBEAT_BYTES))
        except (OSError, ValueError, RecursionError):
            report = None
        self.report = report if isinstance(report, dict) else {}
        self.is_alive = bool(self.report) and self._beats(status)
        self.was_alive = self.was_alive or self.is_alive
        return self.is_alive

    @property
    def trouble(self) -> str:
        """The reason why a live worker is stalled; empty if it is not."""
        if self.is_alive and self.report.get("state") == "stalled":
            why = self.report.get("stalled_reason") or "no reason given"
            return f"the worker is stalled: {why}"
        return ""

    @property
    def absence(self) -> str:
        """Why no worker serves the mailbox, after a look that saw none."""
        if not self.report:
            return "there is no heartbeat"
        state = "was stopped" if self.report.get("state") == "stopped" else "stopped responding"
        return f"the last one {state}"

    @property
    def may_be_alive(self) -> bool:
        """Whether the last look saw an old heartbeat from another machine, whose clock may differ."""
        is_stopped = self.report.get("state") == "stopped"
        is_local = self.report.get("host_name") == os.uname().nodename
        return self.is_alive or not (is_stopped or is_local or not self.report)

    @property
    def is_lost(self) -> bool:
        """Whether a worker that was alive has missed three beats, by the clock of this machine."""
        is_gone = self.was_alive and not self.is_alive
        return is_gone and time.monotonic() - self._beat_at >= self.patience_s

    @property
    def patience_s(self) -> float:
        """Seconds without a beat after which the worker counts as dead."""
        return MISSED_BEATS * self._interval_s()

    def _beats(self, status: os.stat_result) -> bool:
        seen = (status.st_ino, status.st_mtime_ns)
        if self._seen not in (None, seen):
            self._changed_at = time.monotonic()
        if self._seen != seen:
            self._beat_at = time.monotonic()
        self._seen = seen
        # A beat in the future is stale, too, unless it changes.
        fresh = abs(time.time() - status.st_mtime) < self.patience_s
        changing = time.monotonic() - self._changed_at < self.patience_s
        return self.report.get("state") != "stopped" and (fresh or changing)

    def _interval_s(self) -> float:
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            given = float(self.report.get("interval_s", DEFAULT_BEAT_INTERVAL_S))
            return given if 0 < given <= LONGEST_BEAT_INTERVAL_S else 0.0
        return 0.0
