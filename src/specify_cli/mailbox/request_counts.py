"""Counts and durations of the requests that a worker has answered since it started."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from typing import Any, Final

from specify_cli.mailbox.layout import DEFAULT
from specify_cli.mailbox.log_lines import AnsweredRequest

BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)
"""Upper bounds of the histogram's buckets; there is one more without a bound."""

NO_GRANT: Final = "(no grant)"
"""Stands for every orchestrator without a grant; no orchestrator can have this name."""

DEAD_LETTER: Final = "dead_letter"
_UNKNOWN: Final = "unknown"


class RequestCounts:
    """Counts by values of which there is a bounded number: requests cannot make it grow.

    Several threads may use it.
    """

    def __init__(self, commands: frozenset[str]) -> None:
        self._commands = commands
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._refusals: Counter[str] = Counter()
        self._durations: dict[tuple[str, str], list[float]] = {}

    def add(self, answered: AnsweredRequest, *, has_grant: bool) -> None:
        """Count an answer to an orchestrator that has a grant or not."""
        command = str(answered.envelope["command"]).rpartition(".")[2]
        command = command if command in self._commands else _UNKNOWN
        code = answered.envelope["error_code"]
        outcome = DEAD_LETTER if answered.set_aside else "refused" if code else "success"
        is_named = has_grant or answered.identity == DEFAULT
        orchestrator = answered.identity if is_named else NO_GRANT
        duration_s = answered.duration_s
        with self._lock:
            self._requests[command, outcome, orchestrator] += 1
            if code:
                self._refusals[code] += 1
            if duration_s is not None:
                empty = [0.0] * (len(BUCKETS_S) + 2)
                found = self._durations.setdefault((command, outcome), empty)
                found[bisect_left(BUCKETS_S, duration_s)] += 1
                found[-1] += duration_s

    def report(self) -> dict[str, Any]:
        """Return lists of labels and values; a histogram ends with the sum of the durations."""
        with self._lock:
            return {
                "requests": [[*labels, count] for labels, count in self._requests.items()],
                "refusals": [[*it] for it in self._refusals.items()],
                "durations": [[*labels, [*it]] for labels, it in self._durations.items()],
            }
