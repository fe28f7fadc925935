"""Write `worker.json`, which distinguishes a missing worker from an empty queue."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from specify_cli import clock
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.files import atomic
from specify_cli.mailbox.executor import InProgress
from specify_cli.mailbox.inbox import Backlog
from specify_cli.mailbox.layout import MailboxLayout, MailboxPaths
from specify_cli.mailbox.settings import WorkerSettings
from specify_cli.mailbox.worker_status import WorkerStatus
from specify_cli.plain import compact

HANGS: Final = "the host waits for a disk or for its record; its operator sees the cause"

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
        prepare: Callable[[], None] = lambda: None,
        measure: Measure,
        in_progress: InProgressRequests = tuple,
        parked_reads: Callable[[], int] = int,
    ) -> None:
        self.paths = paths
        self._prepare: Callable[[], None] | None = prepare
        self.writing = threading.Lock()
        self.state: Mapping[str, str | None] = {"state": "running", "stalled_reason": None}
        self._commands = commands
        self._measure = measure
        self._in_progress = in_progress
        self._parked_reads = parked_reads
        self._last = Backlog(0, None)

    def make_folders(self) -> None:
        """Make the folders of the mailbox before the first beat, if that succeeds."""
        if self._prepare is not None:
            with _without_errors():
                self._prepare()
            self._prepare = None

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
    """Rewrites the `worker.json` of every mailbox with each beat, and the status for the operator.

    A beat that cannot be written is skipped: an old heartbeat shows that something is wrong. A disk
    that hangs delays only the heartbeat of its own mailbox.
    """

    def __init__(
        self,
        *,
        settings: WorkerSettings,
        count: Count,
        layout: MailboxLayout,
        status: WorkerStatus,
        on_beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_beat = on_beat
        self._settings = settings
        self._count = count
        self._letters: Mapping[str, int] = {}
        self._layout = layout
        self._status = status
        self._reports: dict[str, HeartbeatReport] = {}
        self._started_at = clock.timestamp()
        # The status for the operator that was written last, and where.
        self._written: tuple[Path, Mapping[str, Any]] | None = None
        # Each is held by the thread that uses the disk in question.
        self._counting, self._writing_status = threading.Lock(), threading.Lock()
        self._ended = threading.Event()
        # Held by the thread that waits for the next beat, so that another one waits while it writes.
        self._turn = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._busy: set[threading.Thread] = set()

    def add(self, mailbox: HeartbeatReport) -> None:
        """Include the mailbox in later beats, instead of an earlier report about it."""
        former = self._reports.get(mailbox.paths.identity)
        if former is not None:
            mailbox.state, mailbox.writing = former.state, former.writing
        self._reports[mailbox.paths.identity] = mailbox

    def remove(self, identity: str) -> None:
        """Write a last beat of the mailbox with the state `stopped`."""
        mailbox = self._reports.pop(identity)
        mailbox.state = _STOPPED
        self._beat([mailbox], waits=True)

    def start(self) -> None:
        """Write the first beat and start the threads."""
        self.beat()
        self._add_thread()

    def set_state(self, identity: str, state: str, *, stalled_reason: str | None = None) -> None:
        """Set the state of a mailbox, and write it at once if it changed."""
        mailbox = self._reports.get(identity)
        new = {"state": state, "stalled_reason": stalled_reason}
        if mailbox is not None and new != mailbox.state:
            mailbox.state = new
            self._beat([mailbox])

    def stop(self) -> None:
        """Write a last beat with the state `stopped`, and end the threads."""
        self._ended.set()
        until = time.monotonic() + self._settings.beat_interval_s
        for mailbox in self._reports.values():
            mailbox.state = _STOPPED
        # First: the process may soon have to end, and a disk that hangs keeps threads.
        self.beat(waits=True)
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def beat(self, *, waits: bool = False) -> None:
        """Write the heartbeat of every mailbox, unless its disk fails or hangs.

        A beat that is under way may show the state before; one that `waits` is written after it.
        """
        self._beat([*self._reports.values()], waits=waits)

    def _beat(self, reports: list[HeartbeatReport], *, waits: bool = False) -> None:
        # A disk that hangs keeps this thread.
        write = partial(self._write, reports, waits=waits)
        writer = threading.Thread(target=write, name="beat", daemon=True)
        # If the system starts no further thread, the next beat writes it.
        with contextlib.suppress(RuntimeError):
            writer.start()
            writer.join(self._settings.beat_interval_s)

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._beat_in_turns, name="heartbeat", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _beat_in_turns(self) -> None:
        this = threading.current_thread()
        while True:
            with self._turn:
                if self._ended.wait(self._settings.beat_interval_s):
                    return
                self._busy.add(this)
                # A disk that hangs keeps this thread. The next one skips what it is busy with.
                if all(it in self._busy for it in self._threads if it.is_alive()):
                    # If the system starts no further thread, this one adds it after the next beat.
                    with contextlib.suppress(RuntimeError):
                        self._add_thread()
            try:
                self._on_beat()
                self._write([*self._reports.values()], waits=False)
            finally:
                self._busy.discard(this)

    def _write(self, reports: list[HeartbeatReport], *, waits: bool) -> None:
        # The status is written first, so that it exists as soon as a client sees the heartbeat.
        steps: list[tuple[threading.Lock, Callable[[], None]]] = [
            (self._counting, self._count_letters),
            (self._writing_status, self._write_status),
            *((mailbox.writing, partial(self._write_mailbox, mailbox)) for mailbox in reports),
        ]
        skipped = [(lock, write) for lock, write in steps if not _done_unless_taken(lock, write)]
        if waits:
            for lock, write in skipped:
                with lock, _without_errors():
                    write()

    def _count_letters(self) -> None:
        self._letters = self._count()

    def _write_mailbox(self, mailbox: HeartbeatReport) -> None:
        mailbox.make_folders()
        report = self._about_mailbox(mailbox)
        _publish(report, mailbox.paths.heartbeat, below=mailbox.paths.root)

    def _write_status(self) -> None:
        report = self._about_worker() | self._status.report()
        report["state"] = "stopped" if self._ended.is_set() else "running"
        path = self._layout.worker_status
        if (path, report) == self._written:
            with contextlib.suppress(FileNotFoundError):
                os.utime(path, follow_symlinks=False)
                return
        _publish(report, path, below=self._layout.host_base, mode=0o600, sweeps=True)
        self._written = path, report

    def _about_mailbox(self, mailbox: HeartbeatReport) -> dict[str, Any]:
        report = self._about_worker() | {"beat_at": clock.timestamp()} | mailbox.report()
        report["contract_version"] = self._settings.contract_version
        report["dead_letters"] = self._letters.get(mailbox.paths.identity, 0)
        if report["state"] == "running" and self._status.is_hanging:
            report |= {"state": "stalled", "stalled_reason": HANGS}
        return report

    def _about_worker(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "host_name": socket.gethostname(),
            "started_at": self._started_at,
            "interval_s": self._settings.beat_interval_s,
        }


def _publish(
    report: Mapping[str, Any], path: Path, *, below: Path, mode: int = 0o644, sweeps: bool = False
) -> None:
    data = compact(report).encode() + b"\n"
    # Not synced: only a power loss tears it, and then the worker is gone too.
    atomic.publish(path, data, below=below, mode=mode, syncs=False, sweeps=sweeps)


def _without_errors() -> contextlib.suppress:
    return contextlib.suppress(OSError, StorageFailed)


def _done_unless_taken(lock: threading.Lock, write: Callable[[], None]) -> bool:
    """Write, unless another thread holds the lock; return whether the lock was free."""
    if not lock.acquire(blocking=False):
        return False
    try:
        with _without_errors():
            write()
    finally:
        lock.release()
    return True


def reason_for_orchestrators(error: Exception) -> str:
    """Return the reason that orchestrators read: no path of the host, and no message of its disk."""
    if isinstance(error, StateUnreadable):
        what = "a file of the host cannot be used"
    elif isinstance(error, (StorageFailed, OSError)):
        what = "a disk of the host failed"
    else:
        what = "a fault of the host"
    return f"{what}; nothing is lost, the host retries, and its operator sees the cause"
