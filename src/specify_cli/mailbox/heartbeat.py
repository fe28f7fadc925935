"""Write `worker.json`, which distinguishes a missing worker from an empty queue."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from specify_cli import clock
from specify_cli.errors import StorageFailed
from specify_cli.files import atomic
from specify_cli.mailbox.executor import InProgress
from specify_cli.mailbox.inbox import Backlog
from specify_cli.mailbox.layout import MailboxPaths
from specify_cli.mailbox.settings import WorkerSettings
from specify_cli.plain import compact

# Returns how much waits now.
Measure = Callable[[], Backlog]
# Returns the requests in progress.
InProgressRequests = Callable[[], Sequence[InProgress]]
# Returns the number of dead letters of each orchestrator.
Count = Callable[[], Mapping[str, int]]

_STOPPED: Final = {"state": "stopped", "stalled_reason": None}


class HeartbeatReport:
    """The part of a heartbeat that is about one mailbox."""

    def __init__(
        self,
        paths: MailboxPaths,
        *,
        commands: tuple[str, ...],
        measure: Measure,
        in_progress: InProgressRequests = tuple,
        parked_reads: Callable[[], int] = int,
    ) -> None:
        self.paths = paths
        self.state: Mapping[str, str | None] = {"state": "running", "stalled_reason": None}
        self._commands = commands
        self._measure = measure
        self._in_progress = in_progress
        self._parked_reads = parked_reads
        self._last = Backlog(0, None)

    def report(self) -> dict[str, Any]:
        """Return the current values; the last known backlog if the inbox cannot be read."""
        with contextlib.suppress(OSError, StorageFailed):
            self._last = self._measure()
        oldest, now = self._last.oldest, clock.now().timestamp()
        return {
            **self.state,
            "commands": list(self._commands),
            "depth": self._last.depth,
            "in_hand": [
                {"correlation_id": one.name, "since": one.since} for one in self._in_progress()
            ],
            "oldest_age_s": None if oldest is None else max(0.0, round(now - oldest, 3)),
            "parked_reads": self._parked_reads(),
        }


class Heartbeat:
    """Rewrites the `worker.json` of every mailbox with each beat, in a thread of its own.

    A beat that cannot be written is skipped: an old heartbeat shows that something is wrong.
    """

    def __init__(self, *, settings: WorkerSettings, count: Count) -> None:
        self._settings = settings
        self._count = count
        self._reports: dict[str, HeartbeatReport] = {}
        self._started_at = clock.timestamp()
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_repeatedly, name="heartbeat", daemon=True)

    def add(self, mailbox: HeartbeatReport) -> None:
        """Include the mailbox in later beats, instead of an earlier report about it."""
        with self._writing:
            former = self._reports.get(mailbox.paths.identity)
            if former is not None:
                mailbox.state = former.state
            self._reports[mailbox.paths.identity] = mailbox

    def remove(self, identity: str) -> None:
        """Write a last beat of the mailbox with the state `stopped`."""
        with self._writing:
            mailbox = self._reports.pop(identity)
            mailbox.state = _STOPPED
            self._beat([mailbox])

    def start(self) -> None:
        """Write the first beat and start the thread."""
        self.beat()
        self._thread.start()

    def set_state(self, identity: str, state: str, *, stalled_reason: str | None = None) -> None:
        """Set the state of a mailbox, and write it at once if it changed."""
        mailbox = self._reports.get(identity)
        new = {"state": state, "stalled_reason": stalled_reason}
        if mailbox is not None and new != mailbox.state:
            mailbox.state = new
            with self._writing:
                self._beat([mailbox])

    def stop(self) -> None:
        """End the thread, and write a last beat with the state `stopped`."""
        self._ended.set()
        self._thread.join()
        for mailbox in self._reports.values():
            mailbox.state = _STOPPED
        self.beat()

    def beat(self) -> None:
        """Write the heartbeat of every mailbox, unless the disk fails."""
        with self._writing:
            self._beat(list(self._reports.values()))

    def _beat(self, reports: list[HeartbeatReport]) -> None:
        count: Mapping[str, int] = {}
        with contextlib.suppress(OSError, StorageFailed):
            count = self._count()
        for mailbox in reports:
            with contextlib.suppress(OSError, StorageFailed):
                paths = mailbox.paths
                report = self._about_worker(count.get(paths.identity, 0)) | mailbox.report()
                data = compact(report).encode() + b"\n"
                # Not synced: only a power loss tears it, and then the worker is gone too.
                atomic.publish(paths.heartbeat, data, below=paths.root, syncs=False)

    def _beat_repeatedly(self) -> None:
        while not self._ended.wait(self._settings.beat_interval_s):
            self.beat()

    def _about_worker(self, dead_letters: int) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "host_name": socket.gethostname(),
            "contract_version": self._settings.contract_version,
            "started_at": self._started_at,
            "beat_at": clock.timestamp(),
            "interval_s": self._settings.beat_interval_s,
            "dead_letters": dead_letters,
        }
