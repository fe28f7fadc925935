"""Daily quota of an orchestrator; a day begins at midnight UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import TypeAlias

from specify_cli import clock
from specify_cli.errors import StorageFailed
from specify_cli.mailbox.settings import Orchestrator

Count: TypeAlias = Callable[[str], tuple[int, int]]
"""Returns how many requests and bytes were recorded since a moment."""


class DailyQuota:
    """What one orchestrator used of its quota; `count` adds what earlier workers took today."""

    def __init__(self, orchestrator: Orchestrator, count: Count) -> None:
        self.bounds = orchestrator
        self._count = count
        self._day: date | None = None
        self._requests = self._bytes = 0

    def refusal(self) -> StorageFailed | None:
        """Return the answer to the next request if the quota is used up, else None.

        Raises:
            SpecKittyError: the record cannot be read.
        """
        today = clock.now().date()
        if self._day is None:
            self._requests, self._bytes = self._count(clock.as_text(_midnight(today)))
        elif self._day != today:
            self._requests = self._bytes = 0
        self._day = today
        bound = self._exceeded()
        return _refusal(self.bounds.identity, bound, today) if bound else None

    def add(self, size: int) -> None:
        """Count a request of this size."""
        self._requests += 1
        self._bytes += size

    def _exceeded(self) -> str:
        bounds = self.bounds
        if self._requests >= bounds.max_daily_requests:
            return f"{bounds.max_daily_requests} requests (max_daily_requests)"
        if self._bytes >= bounds.max_daily_bytes:
            return f"{bounds.max_daily_bytes} bytes (max_daily_bytes)"
        return ""


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(tzinfo=clock.now().tzinfo))


def _refusal(identity: str, bound: str, today: date) -> StorageFailed:
    tomorrow = _midnight(today + timedelta(days=1)).isoformat()
    return StorageFailed(
        f"the mailbox {identity} has used up its daily quota of {bound}; nothing was done:"
        f" ask again under a new id from {tomorrow} on, or let the operator raise the quota in config.toml",
        takes_more_at=tomorrow,
    )
