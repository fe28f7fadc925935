"""One worker serves all mailboxes of a project until it is told to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from types import FrameType

from specify_cli import processes
from specify_cli.errors import StorageFailed
from specify_cli.files.locks import LifeLock, holder
from specify_cli.mailbox.background import BackgroundTask, BackgroundTasks
from specify_cli.mailbox.drain_progress import DrainProgress
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.loop import ServiceLoop
from specify_cli.mailbox.printable import printable
from specify_cli.mailbox.protocols import Dispatcher, Log, Watch
from specify_cli.mailbox.settings import WorkerSettings
from specify_cli.mailbox.wakeup import Wakeup
from specify_cli.mailbox.workplace import WorkerContext
from specify_cli.storage import heartbeat_file

# After the signal; what can end in order has done so by then.
LAST_S = 4.7
A_DAY_S = 86_400.0

# Rings the bell while the block runs, for every folder that is covered.
Watching = Callable[[Wakeup], AbstractContextManager[Watch]]


class Worker:
    """Serves the mailboxes of `layout` by asking `dispatcher`.

    One thread finds and takes requests; a few others answer them, each orchestrator's requests for
    one mission in order. While it serves, each of `chores` is done again and again; `prepare` is
    called once, before the first beat.
    """

    def __init__(
        self,
        layout: MailboxLayout,
        dispatcher: Dispatcher,
        *,
        settings: WorkerSettings,
        log: Log,
        chores: Sequence[BackgroundTask] = (),
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._layout = layout
        self._chores = BackgroundTasks(chores, log=log)
        self._prepare = prepare
        self._workplace = WorkerContext(
            layout=layout, dispatcher=dispatcher, settings=settings, log=log
        )
        self._bell = Wakeup()
        self._is_stopping = False

    def serve(self, watching: Watching | None = None) -> None:
        """Requests were answered until `stop`; those in hand were finished.

        `watching` rings when something lands; without it the rescan alone finds requests.

        Raises:
            StorageFailed: another worker serves the project, or the folders cannot be made.
        """
        with (
            self._watched(watching) as watch,
            # The last to be waited for: one may read what an agent has written, and take its time.
            self._chores.at_work() as start_chores,
            self._on_duty(watch) as rounds,
        ):
            start_chores()
            draining = DrainProgress(rounds.depth)
            while not self._is_stopping:
                draining.look()
                self._bell.wait(rounds.serve())

    def drain(self) -> None:
        """Everything that waited is answered.

        Raises:
            StorageFailed: another worker serves the project.
            SpecKittyError, OSError: an answer could not be recorded; nothing is lost.
        """
        with self._on_duty(None) as rounds:
            draining = DrainProgress(rounds.depth)
            draining.look()
            while not self._is_stopping and (wait_s := rounds.drain()) is not None:
                draining.look()
                self._bell.wait(wait_s)

    def stop(self) -> None:
        """The worker ends after the requests in hand; may be called from a signal handler."""
        self._is_stopping = True
        self._bell.ring()
        self._chores.stop()

    def stop_on_signals(self) -> None:
        """SIGTERM, SIGINT and SIGHUP end the worker within five seconds, a second one at once.

        To be called from the main thread. What was begun and did not end is as after a SIGKILL: the
        next worker completes it.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # As nohup wants it.
                signal.signal(number, self._on_signal)
        alarm = Wakeup()
        alarm.ring_on_signals()
        threading.Thread(target=_end_in_time, args=(alarm,), name="end", daemon=True).start()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        processes.stop_within(0 if self._is_stopping else processes.GRACE_S)
        self.stop()

    @contextlib.contextmanager
    def _on_duty(self, watch: Watch | None) -> Iterator[ServiceLoop]:
        self._layout.ensure()
        with contextlib.ExitStack() as places:
            place = LifeLock.try_acquire(self._layout.worker_lock)
            if place is None:
                raise StorageFailed(_taken(self._layout))
            # Released after the last heartbeat, so that it does not replace one of the next worker.
            places.callback(place.release)
            self._prepare()
            rounds = ServiceLoop(
                self._workplace,
                bell=self._bell,
                watch=watch,
                is_stopping=lambda: self._is_stopping,
            )
            with rounds.on_duty():
                yield rounds

    @contextlib.contextmanager
    def _watched(self, watching: Watching | None) -> Iterator[Watch | None]:
        if watching is None:
            yield None
            return
        with watching(self._bell) as watch:
            yield watch


def _end_in_time(alarm: Wakeup) -> None:
    """Ends the process some seconds after the alarm: a disk that stalls holds up everything else."""
    while not alarm.wait(A_DAY_S):
        pass
    time.sleep(LAST_S)
    os._exit(processes.EXIT_CODE)


def _taken(layout: MailboxLayout) -> str:
    report = heartbeat_file.last_beat(layout.heartbeat) or {}
    who = holder(layout.worker_lock)
    where = report.get("host_name", "this machine")
    return printable(
        f"another worker serves {layout.inbox}: {who}, on {where}; "
        "leave it to that one, or stop it first"
    )
