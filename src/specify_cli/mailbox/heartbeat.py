"""`worker.json` says whether anybody serves a mailbox: an absent worker is no empty queue."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from specify_cli import clock
from specify_cli.errors import StorageFailed
from specify_cli.files import atomic
from specify_cli.mailbox.executor import InProgress
from specify_cli.mailbox.inbox import Backlog
from specify_cli.mailbox.layout import MailboxPaths
from specify_cli.mailbox.settings import WorkerSettings
from specify_cli.plain import compact

# How much waits now.
Measure = Callable[[], Backlog]
# What was begun and is not answered.
Begun = Callable[[], Sequence[InProgress]]
# How many dead letters of each orchestrator there are.
Count = Callable[[], Mapping[str, int]]


class HeartbeatReport:
    """What the heartbeat says of one mailbox."""

    def __init__(
        self,
        places: MailboxPaths,
        *,
        commands: tuple[str, ...],
        measure: Measure,
        begun: Begun = tuple,
    ) -> None:
        self.places = places
        self.state: Mapping[str, str | None] = {"state": "running", "stalled_reason": None}
        self._commands = commands
        self._measure = measure
        self._begun = begun
        self._last = Backlog(0, None)

    def report(self) -> dict[str, Any]:
        """How things stand now; what waits as it was last known where the inbox cannot be read."""
        with contextlib.suppress(OSError, StorageFailed):
            self._last = self._measure()
        oldest, now = self._last.oldest, clock.now().timestamp()
        return {
            **self.state,
            "commands": list(self._commands),
            "depth": self._last.depth,
            "in_hand": [{"correlation_id": one.name, "since": one.since} for one in self._begun()],
            "oldest_age_s": None if oldest is None else max(0.0, round(now - oldest, 3)),
        }


class Heartbeat:
    """Rewrites every mailbox's `worker.json` with every beat, from a thread of its own.

    A beat that the disk refuses is left out: a heartbeat that grows old says enough.
    """

    def __init__(self, *, settings: WorkerSettings, count: Count) -> None:
        self._settings = settings
        self._count = count
        self._pulses: dict[str, HeartbeatReport] = {}
        self._started_at = clock.timestamp()
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="heartbeat", daemon=True)

    def add(self, pulse: HeartbeatReport) -> None:
        """Every later beat tells of that mailbox, too."""
        with self._writing:
            self._pulses[pulse.places.identity] = pulse

    def start(self) -> None:
        """The first beat is written, the thread goes on."""
        self.beat()
        self._thread.start()

    def say(self, identity: str, state: str, *, stalled_reason: str | None = None) -> None:
        """Every later beat of that mailbox says `state`; the change is written at once."""
        pulse = self._pulses.get(identity)
        said = {"state": state, "stalled_reason": stalled_reason}
        if pulse is not None and said != pulse.state:
            pulse.state = said
            with self._writing:
                self._beat([pulse])

    def stop(self) -> None:
        """The thread has ended, and the last beat says that nobody serves any more."""
        self._ended.set()
        self._thread.join()
        for pulse in self._pulses.values():
            pulse.state = {"state": "stopped", "stalled_reason": None}
        self.beat()

    def beat(self) -> None:
        """The files say how things stand now, unless the disk refuses."""
        with self._writing:
            self._beat(list(self._pulses.values()))

    def _beat(self, pulses: list[HeartbeatReport]) -> None:
        count: Mapping[str, int] = {}
        with contextlib.suppress(OSError, StorageFailed):
            count = self._count()
        for pulse in pulses:
            with contextlib.suppress(OSError, StorageFailed):
                places = pulse.places
                report = self._about_us(count.get(places.identity, 0)) | pulse.report()
                data = compact(report).encode() + b"\n"
                # A beat that a loss of power tears is of a worker that is gone: it waits for no disk.
                atomic.publish(places.heartbeat, data, below=places.root, syncs=False)

    def _beat_on(self) -> None:
        while not self._ended.wait(self._settings.beat_interval_s):
            self.beat()

    def _about_us(self, dead_letters: int) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "host_name": socket.gethostname(),
            "contract_version": self._settings.contract_version,
            "started_at": self._started_at,
            "beat_at": clock.timestamp(),
            "interval_s": self._settings.beat_interval_s,
            "dead_letters": dead_letters,
        }
