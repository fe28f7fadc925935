"""What the log says about the worker itself: when it starts and ends, and how much it answered."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from specify_cli import __version__
from specify_cli.errors import SpecKittyError
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.log_lines import ANSWERED, OK, SET_ASIDE, LogLine, as_line
from specify_cli.mailbox.protocols import Log
from specify_cli.storage import record_heads, records


class ServiceReport:
    """Counts the answers in the log of one worker, and logs its start and its end.

    Attributes:
        answered: How many requests were answered, refused ones included.
        refused: How many of them were refused.
    """

    def __init__(self, layout: MailboxLayout, log: Log) -> None:
        self.answered = self.refused = 0
        self._layout = layout
        self._log = log
        self._counting = threading.Lock()
        self._began = time.monotonic()

    def log(self, text: str) -> None:
        """Log a line, and count it if it is an answer."""
        line = as_line(text)
        if line.event in (ANSWERED, SET_ASIDE):
            with self._counting:
                self.answered += 1
                self.refused += line.fields["outcome"] != OK
        self._log(line)

    def start(self, mailboxes: Sequence[str], *, is_watching: bool, poll_interval_s: float) -> None:
        """Log that the worker serves these mailboxes."""
        head = self._head()
        how = "watched" if is_watching else f"listed every {poll_interval_s:g} s"
        text = (
            f"spec-kitty {__version__}, process {os.getpid()}, serves {self._layout.root};"
            f" mailboxes: {', '.join(mailboxes) or 'none'}; the inbox is {how}; record head: {head or 'none yet'}"
        )
        fields = {
            "version": __version__,
            "pid": os.getpid(),
            "project": str(self._layout.root),
            "mailboxes": list(mailboxes),
            "is_watching": is_watching,
            "poll_interval_s": poll_interval_s,
            "head": head,
        }
        self._log(LogLine(text, "worker.started", fields=fields))

    def status(self, mailboxes: Sequence[str], depth: int) -> str:
        """Return one line about what the worker does."""
        return (
            f"serves {', '.join(mailboxes) or 'no mailbox'}; requests waiting: {depth}, answered: {self.answered},"
            f" of which refused: {self.refused}"
        )

    def end(self, reason: str) -> None:
        """Log why the worker ends."""
        after_s = time.monotonic() - self._began
        text = (
            f"process {os.getpid()} ends: {reason}; requests answered: {self.answered},"
            f" of which refused: {self.refused}; served for {after_s:.1f} s"
        )
        fields = {
            "pid": os.getpid(),
            "reason": reason,
            "answered": self.answered,
            "refused": self.refused,
            "uptime_s": round(after_s, 3),
        }
        self._log(LogLine(text, "worker.stopped", fields=fields))

    def _head(self) -> str | None:
        # A record that cannot be read is reported by the first request.
        with suppress(SpecKittyError, OSError):
            record = records.found(self._layout)
            newest = record_heads.newest(record) if record else None
            return str(newest) if newest else None
        return None
