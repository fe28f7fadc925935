"""The one worker of a mailbox: it finds requests, has them answered, and loses none.

It keeps no state of its own: after a crash, and after a disk that refused, what lies in the folders
says what is left to do.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType

from specify_cli.errors import SpecKittyError, StorageFailed
from specify_cli.mailbox import heartbeat
from specify_cli.mailbox.bell import Bell
from specify_cli.mailbox.desk import Desk
from specify_cli.mailbox.heartbeat import Heartbeat
from specify_cli.mailbox.inbox import Backlog, Landed
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.printable import printable
from specify_cli.mailbox.protocols import Dispatcher, Log
from specify_cli.mailbox.settings import WorkerSettings
from specify_cli.storage.locks import LifeLock, holder

# Rings the bell while the block runs; yields whether it can.
Watching = Callable[[Path, Bell], AbstractContextManager[bool]]


class Worker:
    """Serves the mailbox of `layout` by asking `dispatcher`, one request at a time."""

    def __init__(
        self,
        layout: MailboxLayout,
        dispatcher: Dispatcher,
        *,
        settings: WorkerSettings,
        log: Log,
    ) -> None:
        self._layout = layout
        self._settings = settings
        self._log = log
        self._dispatcher = dispatcher
        self._desk = Desk(layout, dispatcher, settings=settings, log=log)
        self._bell = Bell()
        self._is_stopping = False
        self._is_recovered = False

    def serve(self, watching: Watching | None = None) -> None:
        """Requests were answered until `stop`; the one in hand was finished.

        `watching` rings when something lands; without it the rescan alone finds requests.

        Raises:
            StorageFailed: another worker serves the mailbox, or its folders cannot be made.
        """
        with self._on_duty() as beat, self._watched(watching):
            pause_s = 0.0
            while not self._is_stopping:
                pause_s = self._round(beat, pause_s)

    def drain(self) -> None:
        """Everything that waited is answered.

        Raises:
            StorageFailed: another worker serves the mailbox.
            SpecKittyError, OSError: an answer could not be recorded; nothing is lost.
        """
        with self._on_duty():
            while not self._is_stopping:
                self._work()
                if not self._desk.pending:
                    return
                self._bell.wait(self._settings.look_again_s)

    def stop(self) -> None:
        """The worker ends after the request in hand; may be called from a signal handler."""
        self._is_stopping = True
        self._bell.ring()

    def stop_on_signals(self) -> None:
        """SIGTERM and SIGINT stop the worker; to be called from the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stop()

    # On duty.

    @contextlib.contextmanager
    def _on_duty(self) -> Iterator[Heartbeat]:
        self._layout.ensure()
        place = LifeLock.try_acquire(self._layout.worker_lock)
        if place is None:
            raise StorageFailed(_taken(self._layout))
        beat = Heartbeat(self._layout.heartbeat, settings=self._settings, measure=self._measure)
        beat.start()
        try:
            yield beat
        finally:
            # The farewell comes first: whoever takes the place next must have the last word.
            beat.stop()
            place.release()

    @contextlib.contextmanager
    def _watched(self, watching: Watching | None) -> Iterator[None]:
        if watching is None:
            yield
            return
        with watching(self._layout.inbox, self._bell) as rings:
            if not rings:
                self._log(
                    "no file events here: requests are found by looking every "
                    f"{self._settings.poll_interval_s:g} s"
                )
            yield

    def _measure(self) -> tuple[Backlog, int]:
        waiting = self._desk.inbox.backlog()
        depth = waiting.depth + len(self._desk.pending)
        return Backlog(depth, waiting.oldest), self._desk.dead_letters.count()

    # One round.

    def _round(self, beat: Heartbeat, pause_s: float) -> float:
        """How long the disk has made us pause; nought when all is well."""
        try:
            self._work()
        except (SpecKittyError, OSError) as error:
            return self._stall(beat, error, pause_s)
        beat.say("running")
        settings = self._settings
        self._bell.wait(settings.look_again_s if self._desk.pending else settings.poll_interval_s)
        return 0.0

    def _stall(self, beat: Heartbeat, error: Exception, pause_s: float) -> float:
        settings = self._settings
        pause_s = min(max(2 * pause_s, settings.first_pause_s), settings.longest_pause_s)
        self._is_recovered = False
        words = printable(str(error))
        self._log(f"stalled, nothing is lost, trying again in {pause_s:g} s: {words}")
        beat.say("stalled", stalled_reason=words)
        self._pause(pause_s)
        return pause_s

    def _pause(self, pause_s: float) -> None:
        """Only a stop cuts it short: a request that lands does not mend the disk."""
        until = time.monotonic() + pause_s
        while not self._is_stopping and (remaining := until - time.monotonic()) > 0:
            self._bell.wait(remaining)

    def _work(self) -> None:
        """Whatever waits is settled, or pending, unless the worker is to stop."""
        if not self._is_recovered:
            self._desk.recover()
            self._is_recovered = True
        self._dispatcher.settle_begun()
        self._desk.look_again(lambda: self._is_stopping)
        seen: list[Landed] = []
        # What cannot be taken stays listed for ever: it must not keep us busy for ever.
        while (batch := self._desk.inbox.landed()) and batch != seen:
            for landed in batch:
                if self._is_stopping:
                    return
                self._desk.take(landed)
            seen = batch


def _taken(layout: MailboxLayout) -> str:
    report = heartbeat.last_beat(layout.heartbeat) or {}
    who = holder(layout.worker_lock)
    where, since = report.get("host_name", "this machine"), report.get("started_at", "a moment ago")
    return printable(
        f"another worker serves {layout.inbox}: {who} on {where}, since {since}; "
        "leave it to that one, or stop it first"
    )
