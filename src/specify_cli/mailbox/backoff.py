"""Exponential back-off for a mailbox whose disk fails."""

from __future__ import annotations

import time

from specify_cli.mailbox.settings import WorkerSettings


class Backoff:
    """The pause of one mailbox after a failure; each pause is twice as long as the one before."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._pause_s = 0.0
        self._until = 0.0
        self.reason: str | None = None

    def begin(self, reason: str) -> bool:
        """Begin a pause; return whether the reason differs from the last one."""
        settings = self._settings
        self._pause_s = min(
            max(2 * self._pause_s, settings.first_pause_s), settings.longest_pause_s
        )
        self._until = time.monotonic() + self._pause_s
        is_new = reason != self.reason
        self.reason = reason
        return is_new

    def end(self) -> bool:
        """End the pause; return whether there was one."""
        was_stalled = self.reason is not None
        self._pause_s, self.reason = 0.0, None
        return was_stalled

    def remaining_s(self) -> float:
        """Return the rest of the pause. A new request does not shorten it, because it does not repair the disk."""
        return max(0.0, self._until - time.monotonic())
