"""`worker.json` says whether anybody serves the mailbox: an absent worker is no empty queue."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from specify_cli import clock
from specify_cli.errors import StorageFailed
from specify_cli.mailbox.inbox import Backlog
from specify_cli.mailbox.settings import WorkerSettings
from specify_cli.storage import atomic
from specify_cli.storage.safe_read import NotRegular, TooLarge, read_regular

MAX_BYTES = 64 * 1024

# Backlog now, and how many dead letters there are.
Measure = Callable[[], tuple[Backlog, int]]


class Heartbeat:
    """Rewrites `path` with every beat, from a thread of its own between `start` and `stop`.

    A beat that the disk refuses is left out: a heartbeat that grows old says enough.
    """

    def __init__(self, path: Path, *, settings: WorkerSettings, measure: Measure) -> None:
        self._path = path
        self._settings = settings
        self._measure = measure
        self._started_at = clock.timestamp()
        self._state: dict[str, str | None] = {"state": "running", "stalled_reason": None}
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="heartbeat", daemon=True)

    def start(self) -> None:
        """The first beat is written, the thread goes on."""
        self.beat()
        self._thread.start()

    def say(self, state: str, *, stalled_reason: str | None = None) -> None:
        """This and every later beat says `state`; the change is written at once."""
        said = {"state": state, "stalled_reason": stalled_reason}
        if said != self._state:
            self._state = said
            self.beat()

    def stop(self) -> None:
        """The thread has ended, and the last beat says that nobody serves any more."""
        self._ended.set()
        self._thread.join()
        self.say("stopped")

    def beat(self) -> None:
        """The file says how things stand now, unless the disk refuses."""
        with self._writing, contextlib.suppress(OSError, StorageFailed):
            data = json.dumps(self._report(), indent=1).encode() + b"\n"
            atomic.publish(self._path, data)

    def _beat_on(self) -> None:
        while not self._ended.wait(self._settings.beat_interval_s):
            self.beat()

    def _report(self) -> dict[str, Any]:
        backlog, dead_letters = self._measure()
        now = clock.now().timestamp()
        return {
            "pid": os.getpid(),
            "host_name": socket.gethostname(),
            **self._state,
            "contract_version": self._settings.contract_version,
            "commands": list(self._settings.orchestrators[0].commands),
            "started_at": self._started_at,
            "beat_at": clock.timestamp(),
            "interval_s": self._settings.beat_interval_s,
            "depth": backlog.depth,
            "oldest_age_s": None
            if backlog.oldest is None
            else max(0.0, round(now - backlog.oldest, 3)),
            "dead_letters": dead_letters,
        }


def last_beat(path: Path) -> dict[str, Any] | None:
    """What the last beat said, or None where there never was one that can be read."""
    try:
        report = json.loads(read_regular(path, max_bytes=MAX_BYTES))
    except (OSError, NotRegular, TooLarge, ValueError):
        return None
    return report if isinstance(report, dict) else None


def age_s(path: Path) -> float | None:
    """Seconds since the last beat by the file system's word, or None where there was none."""
    try:
        return clock.now().timestamp() - path.lstat().st_mtime
    except OSError:
        return None


def is_alive(path: Path) -> bool:
    """Whether the last beat is recent and not a farewell."""
    report, age = last_beat(path), age_s(path)
    if report is None or age is None or report.get("state") == "stopped":
        return False
    interval = report.get("interval_s")
    return age < 5 * (interval if isinstance(interval, int | float) else 2.0)
