"""Progress of a worker while it answers the requests that waited when it started."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from specify_cli import progress

BETWEEN_S: Final = 0.5
"""Seconds between two measurements, each of which lists the inboxes."""

_WHAT: Final = "answering waiting requests"


class DrainProgress:
    """Reports how many of the waiting requests are answered; `measure` counts those that still wait."""

    def __init__(self, measure: Callable[[], int]) -> None:
        self._measure = measure
        self._total = 0
        self._next_at = 0.0
        self._is_over = not progress.is_observed()

    def update(self) -> None:
        """Report the progress, until nothing waits for the first time."""
        if self._is_over or time.monotonic() < self._next_at:
            return
        waiting = self._measure()
        self._next_at = time.monotonic() + BETWEEN_S
        self._total = max(self._total, waiting)
        self._is_over = not waiting
        progress.report(self._total - waiting, self._total, _WHAT)
