"""A progress line on stderr, if that is a terminal."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator

from specify_cli import progress

QUIET_S = 1.0
"""Shorter work shows no progress line."""

BETWEEN_S = 0.1
CLEAR = "\r\x1b[K"
A_MINUTE_S, AN_HOUR_S = 60, 3600


class ProgressLine:
    """The progress line."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._drawn_at = 0.0
        self._is_drawn = False
        self._what = ""
        self._start = (0, self._began)

    def __call__(self, done: int, total: int, what: str) -> None:
        """Update the line, at most every BETWEEN_S seconds."""
        now = time.monotonic()
        if what != self._what:
            self._what, self._start = what, (done, now)
        if total and done >= total:
            self.clear()
        elif now - self._began >= QUIET_S and now - self._drawn_at >= BETWEEN_S:
            self._drawn_at = now
            text = f"{what}: {self._told(done, total, now)}"
            width = shutil.get_terminal_size().columns - 1
            self._is_drawn = True
            _write(f"{CLEAR}{text[:width]}")

    def clear(self) -> None:
        """Erase the line."""
        if self._is_drawn:
            self._is_drawn = False
            _write(CLEAR)

    def _told(self, done: int, total: int, now: float) -> str:
        at_first, since = self._start
        if not total:
            count = f"{done:,}, " if done else ""
            return f"{count}{_duration(now - since)} so far"
        counted = f"{done:,} of {total:,} ({100 * done // total} %)"
        if done <= at_first:
            return counted
        left_s = (now - since) / (done - at_first) * (total - done)
        return f"{counted}, about {_duration(left_s)} left"


@contextlib.contextmanager
def shown(*, unless: bool = False) -> Iterator[Callable[[], None]]:
    """Show the progress of the block if stderr is a terminal.

    Yield a function that erases the line, to be called before other output.
    """
    if unless or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda: None
        return
    line = ProgressLine()
    try:
        with progress.observed(line):
            yield line.clear
    finally:
        line.clear()


def _write(text: str) -> None:
    # A closed terminal must not stop the work.
    with contextlib.suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _duration(seconds: float) -> str:
    if seconds < A_MINUTE_S:
        return f"{max(1, round(seconds))} s"
    if seconds < AN_HOUR_S:
        return f"{round(seconds / A_MINUTE_S)} min"
    return f"{seconds / AN_HOUR_S:.1f} h"
