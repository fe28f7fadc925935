"""Count the requests of a report: refusals by reason, and how long answers took."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from specify_cli.workflow.report_journal import JournalRow

BOUNDS_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 60_000)
"""The upper bounds of the buckets of durations; a last bucket has no bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """The refusals with one error code; `last` is the newest, `callers` counts them by identity."""

    code: str
    count: int
    last_at: str
    last_seq: int
    message: str
    callers: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long the answers to a command took, in milliseconds; `buckets` belong to `BOUNDS_MS`.

    95 of 100 requests waited at most `waited_p95` before that.
    """

    command: str
    count: int
    refused: int
    waited_p95: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    slowest: float | None
    buckets: list[int]


@dataclass(slots=True)
class Statistics:
    """Counts requests one by one."""

    total: int = 0
    first_at: str | None = None
    last_at: str | None = None
    _commands: Counter[str] = field(default_factory=Counter)
    _refused: Counter[str] = field(default_factory=Counter)
    _durations: dict[str, list[float]] = field(default_factory=dict)
    _waits: dict[str, list[float]] = field(default_factory=dict)
    _newest: dict[str, JournalRow] = field(default_factory=dict)
    _callers: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, row: JournalRow) -> None:
        """Count the request; rows come oldest first."""
        self.total += 1
        self.first_at = self.first_at or row.at
        self.last_at = row.at
        self._commands[row.command] += 1
        if row.duration_ms is not None:
            self._durations.setdefault(row.command, []).append(row.duration_ms)
        if row.waited_ms is not None:
            self._waits.setdefault(row.command, []).append(row.waited_ms)
        if row.code is not None:
            self._refused[row.command] += 1
            self._newest[row.code] = row
            self._callers.setdefault(row.code, Counter())[row.caller] += 1

    def refusals(self) -> list[Refusals]:
        """Return the refusals by error code, the most frequent first."""
        found = [
            Refusals(
                code=code,
                count=callers.total(),
                last_at=self._newest[code].at,
                last_seq=self._newest[code].seq,
                message=self._newest[code].message,
                callers=dict(callers.most_common()),
            )
            for code, callers in self._callers.items()
        ]
        return sorted(found, key=lambda it: (-it.count, it.code))

    def latencies(self) -> list[Latency]:
        """Return the latency of each command, the most frequent first."""
        return [
            self._latency(command, count, self._durations.get(command, []))
            for command, count in self._commands.most_common()
        ]

    def _latency(self, command: str, count: int, durations: list[float]) -> Latency:
        durations.sort()
        buckets = [0] * (len(BOUNDS_MS) + 1)
        for it in durations:
            buckets[bisect_left(BOUNDS_MS, it)] += 1
        return Latency(
            command=command,
            count=count,
            refused=self._refused[command],
            waited_p95=percentile(sorted(self._waits.get(command, [])), 95),
            p50=percentile(durations, 50),
            p95=percentile(durations, 95),
            p99=percentile(durations, 99),
            slowest=durations[-1] if durations else None,
            buckets=buckets,
        )


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Return the smallest value that at least `percent` of the values do not exceed; None without values."""
    if not ordered:
        return None
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]
