"""A disk that refuses is not asked without pause."""

from __future__ import annotations

import time

from specify_cli.mailbox.settings import WorkerSettings


class Backoff:
    """Whether one mailbox is at rest after a refusal, and for how long; each pause is twice the last."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._pause_s = 0.0
        self._until = 0.0
        self.reason: str | None = None

    def begin(self, reason: str) -> bool:
        """A pause begins; whether the operator has not been told this reason yet."""
        settings = self._settings
        self._pause_s = min(
            max(2 * self._pause_s, settings.first_pause_s), settings.longest_pause_s
        )
        self._until = time.monotonic() + self._pause_s
        is_new = reason != self.reason
        self.reason = reason
        return is_new

    def end(self) -> bool:
        """All is well; whether it was not before."""
        was_stalled = self.reason is not None
        self._pause_s, self.reason = 0.0, None
        return was_stalled

    def remaining_s(self) -> float:
        """How long the pause still lasts: a request that lands does not mend the disk."""
        return max(0.0, self._until - time.monotonic())
