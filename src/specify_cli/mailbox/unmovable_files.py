"""Entries of an inbox that the kernel does not let the host move."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from pathlib import Path

from specify_cli.mailbox.inbox import Landed
from specify_cli.mailbox.log_lines import LogLine

# Errors of a single entry, such as a mount point or a file that only its owner may move.
UNMOVABLE = frozenset({errno.EBUSY, errno.EACCES, errno.EPERM, errno.EXDEV})
# How many of them the log names.
MAX_REPORTED = 100


class UnmovableFiles:
    """Remembers these entries: each is retried from time to time, and logged once.

    `report` receives what is said about the newest of them, and None when there are none.
    """

    def __init__(self, retry_after_s: float, *, report: Callable[[str | None], None]) -> None:
        self._retry_after_s = retry_after_s
        self._report = report
        self._known: dict[Landed, float] = {}

    def note(self, landed: Landed, what: str) -> bool:
        """Remember a failed attempt; return whether it should be logged."""
        self._report(what)
        is_new = landed not in self._known
        self._known[landed] = time.monotonic() + self._retry_after_s
        return is_new and len(self._known) <= MAX_REPORTED

    def skips(self, landed: Landed) -> bool:
        """Return whether it is too early for the next attempt."""
        return time.monotonic() < self._known.get(landed, 0.0)

    def keep_only(self, found: list[Landed]) -> None:
        """Forget the entries that are not among those found."""
        if self._known:
            self._known = {landed: self._known[landed] for landed in found if landed in self._known}
            if not self._known:
                self._report(None)


def unmovable_line(path: Path, identity: str, error: OSError) -> LogLine:
    """Return the line of the log about such an entry."""
    text = f"{path} cannot be moved and stays in the inbox: {error.strerror}"
    fields = {"identity": identity, "path": str(path), "reason": error.strerror}
    return LogLine(text, "request.unmovable", level="warning", fields=fields)
