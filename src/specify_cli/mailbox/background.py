"""What a worker does beside answering requests, each in a thread of its own: none waits for another."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from specify_cli.mailbox.printable import printable
from specify_cli.mailbox.protocols import Log
from specify_cli.mailbox.wakeup import Wakeup
from specify_cli.processes import HostStops

AGAIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundTask:
    """Something that is done again and again.

    Attributes:
        name: What it is, for the operator.
        run: Does it once; returns the seconds until it is to be done again.
        again_s: The seconds until then where it failed.
    """

    name: str
    run: Callable[[], float]
    again_s: float = AGAIN_S


class BackgroundTasks:
    """The chores of one worker, until `stop`."""

    def __init__(self, chores: Sequence[BackgroundTask], *, log: Log) -> None:
        self._log = log
        self._is_stopping = False
        self._waiting = [(chore, Wakeup()) for chore in chores]

    @contextlib.contextmanager
    def at_work(self) -> Iterator[Callable[[], None]]:
        """Yields what starts them; they have ended when the block has. What one has begun, it finishes."""
        threads = [
            threading.Thread(target=self._do, args=it, name=it[0].name, daemon=True)
            for it in self._waiting
        ]
        begun: list[threading.Thread] = []

        def start() -> None:
            for thread in threads:
                thread.start()
                begun.append(thread)

        try:
            yield start
        finally:
            self.stop()
            for thread in begun:
                thread.join()

    def stop(self) -> None:
        """Nothing further is begun; may be called from a signal handler."""
        self._is_stopping = True
        for _, bell in self._waiting:
            bell.ring()

    def _do(self, chore: BackgroundTask, bell: Wakeup) -> None:
        is_failing = False
        while not self._is_stopping:
            try:
                wait_s = chore.run()
            except HostStops:
                return
            except Exception as error:  # noqa: BLE001  whatever it is, requests are answered
                wait_s = chore.again_s
                if not is_failing:
                    self._log(f"{chore.name} failed, trying again: {printable(str(error))}")
                is_failing = True
            else:
                if is_failing:
                    self._log(f"{chore.name} goes on")
                is_failing = False
            bell.wait(wait_s)
