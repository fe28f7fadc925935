"""The worker that serves the mailboxes of a project until it is stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
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
from specify_cli.mailbox.reloading import Reloading, has_terminal
from specify_cli.mailbox.service_manager import ServiceManager
from specify_cli.mailbox.service_report import ServiceReport
from specify_cli.mailbox.settings import WorkerContext, WorkerSettings
from specify_cli.mailbox.wakeup import Wakeup
from specify_cli.mailbox.worker_status import WorkerStatus
from specify_cli.storage import heartbeat_file

# Seconds after the signal at which the process exits, even if it is not done.
EXIT_AFTER_S = 4.6
LOG_WITHIN_S = 0.1

# While the block runs, sets the wakeup when an entry lands in a covered folder.
Watching = Callable[[Wakeup], AbstractContextManager[Watch]]


class Worker:
    """Serves the mailboxes of `layout` with `dispatcher`.

    One thread takes requests. Others answer them, each orchestrator's requests for one mission in order.

    Args:
        layout: Paths of the project.
        dispatcher: Answers the requests.
        settings: How the worker behaves.
        log: Receives log lines.
        tasks: Repeated in the background while the worker serves.
        prepare: Called once, before the first heartbeat.
    """

    def __init__(
        self,
        layout: MailboxLayout,
        dispatcher: Dispatcher,
        *,
        settings: WorkerSettings,
        log: Log,
        tasks: Sequence[BackgroundTask] = (),
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._layout = layout
        status = WorkerStatus(commands=settings.commands, config_digest=settings.config_digest)
        self._report = ServiceReport(layout, log)
        log = self._report.log
        self._tasks = BackgroundTasks(tasks, log=log, on_failure=status.failed)
        self._prepare = prepare
        self._context = WorkerContext(
            layout=layout, dispatcher=dispatcher, settings=settings, log=log, status=status
        )
        self._wakeup = Wakeup()
        self._is_stopping = False
        self._why = "a failure"
        self._reloading = settings.reload and Reloading(layout, settings.reload, log=log)
        self._manager = ServiceManager({})
        self._alarm = Wakeup()
        self._has_terminal = False

    def serve(
        self, watching: Watching | None = None, *, manager: ServiceManager | None = None
    ) -> None:
        """Answer requests until `stop`, then finish those in progress.

        `watching` reports new requests. Without it, the worker lists the inboxes periodically. `manager`
        is told how the worker is.

        Raises:
            StorageFailed: another worker serves the project, or a folder cannot be created.
        """
        self._manager = manager or self._manager
        with (
            self._watched(watching) as watch,
            # Entered first, so left last: a slow task delays the exit, but not the last replies.
            self._tasks.running() as start_tasks,
            self._running(watch) as loop,
        ):
            start_tasks()
            progress = DrainProgress(loop.depth)
            self._manager.ready()
            loop.run(partial(self._serve_rounds, loop, progress))
            self._manager.stopping()

    def _serve_rounds(self, loop: ServiceLoop, progress: DrainProgress) -> None:
        while not self._is_stopping:
            self._reload(loop)
            progress.update()
            wait_s = min(loop.serve(), self._manager.interval_s)
            self._manager.report_progress()
            if self._manager.is_status_due:
                self._manager.set_status(self._report.status(loop.identities(), loop.depth()))
            self._wakeup.wait(wait_s)

    def drain(self) -> None:
        """Answer every waiting request, then return.

        Raises:
            StorageFailed: another worker serves the project.
            SpecKittyError: an answer could not be recorded; nothing is lost.
            OSError: the disk failed; nothing is lost.
        """
        with self._running(None) as loop:
            progress = DrainProgress(loop.depth)
            progress.update()
            while not self._is_stopping and (wait_s := loop.drain()) is not None:
                self._reload(loop)
                progress.update()
                self._wakeup.wait(wait_s)
            if not self._is_stopping:
                self._why = "every waiting request is answered"

    def stop(self, why: str = "it was told to") -> None:
        """Stop after the requests in progress; may be called from a signal handler."""
        self._why = why
        self._is_stopping = True
        self._wakeup.wake()
        self._tasks.stop()

    def reload(self) -> None:
        """Read the settings again soon, if they can be; may be called from a signal handler."""
        if self._reloading is not None:
            self._reloading.ask()
            self._wakeup.wake()

    def stop_on_signals(self) -> None:
        """Make SIGTERM and SIGINT stop the worker within five seconds, a second one at once unless a disk hangs.

        SIGHUP makes it read its settings again, and stops it if its terminal was closed, unless SIGHUP
        was ignored. Call this from the main thread. The next worker completes requests that did not end
        in time, as after a SIGKILL.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:  # As in the background of a script.
                signal.signal(number, self._on_signal)
        # It is ignored under nohup.
        self._has_terminal = (
            signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and has_terminal()
        )
        signal.signal(signal.SIGHUP, self._on_hangup)
        self._alarm.wake_on_signals()
        threading.Thread(target=self._end_in_time, name="end", daemon=True).start()

    def _on_hangup(self, number: int, frame: FrameType | None) -> None:
        if self._has_terminal and not has_terminal():
            self._alarm.wake()
            self._on_signal(number, frame)
        else:
            self.reload()

    def _reload(self, loop: ServiceLoop) -> None:
        if self._reloading is None or not self._reloading.is_asked:
            return
        self._manager.reloading()
        reading, new = self._reloading.run()
        status = self._context.status
        if new is None:
            status.config_refused("the former settings stay in force")
        else:
            status.config_is(new.settings.config_digest)
            loop.regrant(new.settings.orchestrators)
            # Such as retention, which may have other limits now.
            self._tasks.run_now()
        # Last, so that `mailbox reload` returns after mailboxes and heartbeats show the new settings.
        self._reloading.note(reading)
        self._manager.ready()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        processes.stop_within(0 if self._is_stopping else processes.GRACE_S)
        self.stop(signal.Signals(number).name)

    def _end_in_time(self) -> None:
        """Exit the process some seconds after the signal, even if a disk hangs."""
        self._alarm.wait_for_signal((signal.SIGTERM, signal.SIGINT))
        time.sleep(EXIT_AFTER_S)
        # The log may hang, too.
        report = partial(self._report.end, f"{self._why}; requests in progress did not end in time")
        logging = threading.Thread(target=report, name="log", daemon=True)
        with contextlib.suppress(RuntimeError):  # The system may start no further thread.
            logging.start()
            logging.join(LOG_WITHIN_S)
        os._exit(processes.EXIT_CODE)

    @contextlib.contextmanager
    def _running(self, watch: Watch | None) -> Iterator[ServiceLoop]:
        self._layout.ensure()
        with contextlib.ExitStack() as stack:
            lock = LifeLock.try_acquire(self._layout.worker_lock)
            if lock is None:
                raise StorageFailed(_taken(self._layout))
            # Released after the last heartbeat, which must not replace one of the next worker.
            stack.callback(lock.release)
            if self._reloading is not None:
                self._reloading.note_start()
            self._prepare()
            loop = ServiceLoop(
                self._context,
                wakeup=self._wakeup,
                watch=watch,
                is_stopping=lambda: self._is_stopping,
            )
            # Without file events, as in `drain`, the inboxes are listed.
            self._report.start(
                loop.identities(),
                is_watching=watch is not None and watch.has_events,
                poll_interval_s=self._context.settings.poll_interval_s,
            )
            stack.callback(lambda: self._report.end(self._why))
            with loop.running():
                yield loop

    @contextlib.contextmanager
    def _watched(self, watching: Watching | None) -> Iterator[Watch | None]:
        if watching is None:
            yield None
            return
        with watching(self._wakeup) as watch:
            yield watch


def _taken(layout: MailboxLayout) -> str:
    report = heartbeat_file.last_beat(layout.heartbeat) or {}
    who = holder(layout.worker_lock)
    where = report.get("host_name", "this machine")
    return printable(
        f"another worker serves {layout.inbox}: {who}, on {where}; let it serve, or stop it first"
    )
