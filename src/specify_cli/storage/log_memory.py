"""Logs that a process has read, as long as neither record nor file has changed.

Everything answers the same without it, more slowly.
"""

from __future__ import annotations

import threading
from typing import Final, NamedTuple

from specify_cli.files.stamps import FileStamp
from specify_cli.storage.log_content import LogContent
from specify_cli.storage.record_entries import KnownMission

MOST_EVENTS: Final = 200_000
"""Of all missions but the one that was used last: some hundred megabytes."""


class Remembered(NamedTuple):
    """A log whose file, of that stamp, has the same as the record had at that `position`.

    `stamp` is None where there is no file yet, `content` where nobody has asked for it yet. Not `is_taken_in` where the file
    has lines of others, too, which the record does not have yet: that is for reading alone.
    """

    known: KnownMission
    position: int
    stamp: FileStamp | None
    content: LogContent | None
    is_taken_in: bool = True

    @property
    def size(self) -> int:
        """How many events and packages are held in memory."""
        folded = self.content.folded if self.content else None
        return folded.size if folded else 0


class LogMemory:
    """The logs of one record, by the names of the folders of their missions; for several threads."""

    __slots__ = ("_logs", "_using")

    def __init__(self) -> None:
        self._logs: dict[str, Remembered] = {}
        self._using = threading.Lock()

    def get(self, slug: str) -> Remembered | None:
        """What is remembered of the mission, if anything; the caller sees whether it still holds."""
        return self._logs.get(slug)

    def put(self, slug: str, log: Remembered) -> None:
        """This is remembered now; what was used least lately may be forgotten for it."""
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
        """Nothing is remembered of the mission."""
        with self._using:
            self._logs.pop(slug, None)

    def clear(self) -> None:
        """Nothing is remembered."""
        with self._using:
            self._logs.clear()
