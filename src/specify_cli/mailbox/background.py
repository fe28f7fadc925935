"""Background tasks of a worker, each in a thread of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from specify_cli.mailbox.log_lines import LogLine
from specify_cli.mailbox.protocols import Log
from specify_cli.mailbox.wakeup import Wakeup
from specify_cli.processes import HostStops

RETRY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundTask:
    """A task that is repeated.

    Attributes:
        name: The name in log messages.
        run: Runs the task once; returns the seconds until the next run.
        again_s: The seconds until the next run after a failure.
    """

    name: str
    run: Callable[[], float]
    again_s: float = RETRY_S


class BackgroundTasks:
    """Runs the tasks of one worker until `stop`."""

    def __init__(
        self,
        tasks: Sequence[BackgroundTask],
        *,
        log: Log,
        on_failure: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._log = log
        self._on_failure = on_failure
        self._is_stopping = False
        self._tasks = [(task, Wakeup()) for task in tasks]

    @contextlib.contextmanager
    def running(self) -> Iterator[Callable[[], None]]:
        """Yield the function that starts the tasks; at the end of the block stop them and wait for the current runs."""
        threads = [
            threading.Thread(target=self._do, args=it, name=it[0].name, daemon=True)
            for it in self._tasks
        ]
        started: list[threading.Thread] = []

        def start() -> None:
            for thread in threads:
                thread.start()
                started.append(thread)

        try:
            yield start
        finally:
            self.stop()
            for thread in started:
                thread.join()

    def stop(self) -> None:
        """Begin no further run; may be called from a signal handler."""
        self._is_stopping = True
        for _, wakeup in self._tasks:
            wakeup.wake()

    def run_now(self) -> None:
        """Begin the next run of each task without waiting."""
        for _, wakeup in self._tasks:
            wakeup.wake()

    def _do(self, task: BackgroundTask, wakeup: Wakeup) -> None:
        is_failing = False
        while not self._is_stopping:
            try:
                wait_s = task.run()
            except HostStops:
                return
            except Exception as error:  # noqa: BLE001  a failed task must not stop the worker
                wait_s = task.again_s
                self._on_failure(f"{task.name} failed: {error}")
                if not is_failing:
                    text = f"{task.name} failed, retrying: {error}"
                    fields = {"task": task.name, "reason": str(error)}
                    self._log(LogLine(text, "task.failed", level="error", fields=fields))
                is_failing = True
            else:
                if is_failing:
                    text, fields = f"{task.name} works again", {"task": task.name}
                    self._log(LogLine(text, "task.resumed", fields=fields))
                is_failing = False
            wakeup.wait(wait_s)
