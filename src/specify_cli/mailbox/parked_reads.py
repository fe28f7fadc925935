"""Reads of one orchestrator that wait for a change of their mission.

A parked read has no thread, and no other request waits for it. Its claim stays, so the next worker finds it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from specify_cli import clock
from specify_cli.errors import StorageFailed
from specify_cli.mailbox.processor import Reading
from specify_cli.storage.request_file import Wait

# How many reads of one orchestrator are parked. After a change of their mission, one of those with the
# same answer is tried again, and the others once that answer has changed.
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
        # The `seen` of reads that are tried again on behalf of all parked reads with the same one.
        self._tried: set[str] = set()

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
                f"{MOST} reads of this orchestrator already wait for a change: wait for the answer to one"
                " of them, or send this request under a new id without 'wait_s'"
            )
        # A read that is parked again keeps the end of its first wait.
        until = min(reading.waits_until, time.monotonic() + wait.left_s)
        if wait.seen in self._tried:
            self._tried.discard(wait.seen)
            self._parked = [
                replace(it, wait=wait) if it.wait.seen == wait.seen else it for it in self._parked
            ]
        self._parked.append(_Parked(reading, size, wait, until))
        return None

    def due(self) -> list[Reading]:
        """Remove and return the reads to try again: their mission has changed, or their wait is over.

        Of parked reads with the same answer, one is returned first. If it is not parked again before the
        next call, its answer has changed, and the others are returned.

        Raises:
            SpecKittyError: the record cannot be read.
        """
        found, newest = [], self._changes()
        changed, self._tried = self._tried, set()
        for parked in [*self._parked]:
            wait, is_over = parked.wait, time.monotonic() >= parked.until
            is_first = newest[wait.slug] != wait.newest and wait.seen not in self._tried
            if is_over or is_first or wait.seen in changed:
                if not is_over and wait.seen not in changed:
                    self._tried.add(wait.seen)
                self._parked.remove(parked)
                # The time that it was parked is not part of how long it takes.
                claim = replace(parked.reading.claim, since=clock.now().timestamp())
                found.append(
                    replace(
                        parked.reading,
                        claim=claim,
                        can_wait=not is_over,
                        waits_until=parked.until,
                    )
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
        self._tried.clear()

    def _changes(self) -> dict[str, int]:
        return {slug: self._newest(slug) for slug in {it.wait.slug for it in self._parked}}
