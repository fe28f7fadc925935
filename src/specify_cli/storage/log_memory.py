"""Logs cached by a process until the record or a file changes.

Answers do not depend on the cache; it only saves time.
"""

from __future__ import annotations

import threading
from typing import Final, NamedTuple

from specify_cli.files.stamps import FileStamp
from specify_cli.storage.log_content import LogContent
from specify_cli.storage.record_entries import KnownMission

MOST_EVENTS: Final = 200_000
"""Events in memory, except those of the mission used last: some hundred megabytes."""


class Remembered(NamedTuple):
    """A log whose file, with that stamp, matches the record at that `position`.

    `stamp` is None before there is a file, `content` before it is read. `is_taken_in` is false if
    the file also has lines that the record lacks: such a log is for reading only.
    """

    known: KnownMission
    position: int
    stamp: FileStamp | None
    content: LogContent | None
    is_taken_in: bool = True

    @property
    def size(self) -> int:
        """The number of events and packages in memory."""
        folded = self.content.folded if self.content else None
        return folded.size if folded else 0


class LogMemory:
    """The cached logs of one record, by the folders of their missions; safe for threads."""

    __slots__ = ("_logs", "_using")

    def __init__(self) -> None:
        self._logs: dict[str, Remembered] = {}
        self._using = threading.Lock()

    def get(self, slug: str) -> Remembered | None:
        """Return the cached log; the caller checks whether it is still valid."""
        return self._logs.get(slug)

    def put(self, slug: str, log: Remembered) -> None:
        """Cache the log; the least recently used ones may be dropped."""
        with self._using:
            self._logs.pop(slug, None)
            others = sum(it.size for it in self._logs.values())
            for oldest, known in [*self._logs.items()]:
                if others <= MOST_EVENTS:
                    break
                others -= known.size
                del self._logs[oldest]
            self._logs[slug] = log

    def forget(self, slug: str) -> None:
        """Drop the log of the mission."""
        with self._using:
            self._logs.pop(slug, None)

    def clear(self) -> None:
        """Drop all logs."""
        with self._using:
            self._logs.clear()
