"""Reads of one orchestrator that wait for a change of their mission.

A parked read has no thread, and no other request waits for it. Its claim stays, so the next worker finds it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from specify_cli.errors import StorageFailed
from specify_cli.mailbox.processor import Reading
from specify_cli.storage.request_file import Wait

# How many reads of one orchestrator are parked. Each is tried again after a change of its mission.
MOST = 64


@dataclass(frozen=True, slots=True)
class _Parked:
    """A read, its size, and the time on the monotonic clock at which its wait is over."""

    reading: Reading
    size: int
    wait: Wait
    until: float


class ParkedReads:
    """The parked reads of one orchestrator; `newest` returns the position of a mission's newest entry."""

    def __init__(self, newest: Callable[[str], int]) -> None:
        self._newest = newest
        self._parked: list[_Parked] = []

    def __len__(self) -> int:
        return len(self._parked)

    @property
    def bytes(self) -> int:
        """The bytes of all parked reads."""
        return sum(it.size for it in self._parked)

    def add(self, reading: Reading, wait: Wait, size: int) -> StorageFailed | None:
        """Park the read; return the refusal if there is no room."""
        if len(self._parked) >= MOST:
            return StorageFailed(
                f"{MOST} reads of this orchestrator wait for a change already: wait for the answer to one"
                " of them, or send this request under a new id without 'wait_s'"
            )
        # A read that is parked again keeps the end of its first wait.
        until = min(reading.waits_until, time.monotonic() + wait.left_s)
        self._parked.append(_Parked(reading, size, wait, until))
        return None

    def due(self) -> list[Reading]:
        """Remove and return the reads whose mission has changed or whose wait is over.

        Raises:
            SpecKittyError: the record cannot be read.
        """
        found, newest = [], self._changes()
        for parked in [*self._parked]:
            is_over = time.monotonic() >= parked.until
            if is_over or newest[parked.wait.slug] != parked.wait.newest:
                self._parked.remove(parked)
                found.append(
                    replace(parked.reading, can_wait=not is_over, waits_until=parked.until)
                )
        return found

    def due_in_s(self) -> float:
        """Return the seconds until a read is due; 0 if one is.

        Raises:
            SpecKittyError: the record cannot be read.
        """
        newest = self._changes()
        if any(newest[it.wait.slug] != it.wait.newest for it in self._parked):
            return 0.0
        until = min((it.until for it in self._parked), default=math.inf)
        return max(0.0, until - time.monotonic())

    def take(self, stem: str) -> list[Reading]:
        """Remove and return the reads with that correlation id; they wait no longer."""
        found = [it for it in self._parked if it.reading.claim.stem == stem]
        for parked in found:
            self._parked.remove(parked)
        return [replace(it.reading, can_wait=False) for it in found]

    def clear(self) -> None:
        """Forget all reads; their claims stay."""
        self._parked.clear()

    def _changes(self) -> dict[str, int]:
        return {slug: self._newest(slug) for slug in {it.wait.slug for it in self._parked}}
