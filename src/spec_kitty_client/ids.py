"""Correlation ids: ULIDs, which sort by time."""

from __future__ import annotations

import os
import threading
import time

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class _IncreasingNumbers:
    """Increasing numbers of 128 bits: 48 bits of milliseconds, then 80 random bits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        random = int.from_bytes(os.urandom(10), "big")
        with self._lock:
            number = (time.time_ns() // 1_000_000 << 80) | random
            # In the same millisecond, or after the clock was set back, count up from the last number. By
            # a random step, because a forked process continues from the same number.
            self._last = number if number > self._last else self._last + 1 + (random >> 16)
            return self._last


_ulids = _IncreasingNumbers()


def new_correlation_id() -> str:
    """Return a new ULID. It sorts by time, and after all earlier ones of this process."""
    number = _ulids.next()
    return "".join(CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
