"""Run the main loop in one thread at a time: if the disk of a mailbox hangs, another thread takes over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from specify_cli.mailbox.wakeup import Wakeup

TAKE_OVER_AFTER_S: Final = 1.0
"""A turn that takes longer may hang, or have much to do. Both end in the thread that began it."""

HANDLE_SIGNALS_S: Final = 1.0

MOST_HANGING: Final = 16
"""With so many turns that do not end, it is the record that hangs, and no further thread helps."""

T = TypeVar("T")


class _TakenOver(BaseException):
    """Another thread runs the loop by now."""


@dataclass(slots=True)
class Turn:
    """The work for one mailbox; if it is over, it may have failed."""

    identity: str
    since: float = field(default_factory=time.monotonic)
    thread: threading.Thread = field(default_factory=threading.current_thread)
    error: Exception | None = None
    is_taken_over: bool = False
    is_over: bool = False

    @property
    def age_s(self) -> float:
        """How long ago it began."""
        return time.monotonic() - self.since


class LoopThreads:
    """The threads of one main loop.

    Only the thread that took over last runs the loop. Each of the others is in a turn that does not end.
    Nothing of its mailbox may be used meanwhile.
    """

    def __init__(self, wakeup: Wakeup) -> None:
        self._wakeup = wakeup
        self._lock = threading.Lock()
        self._turn: Turn | None = None
        self._hanging: dict[str, Turn] = {}
        self._loop: Callable[[], None] | None = None
        self._failure: BaseException | None = None
        self._ended = threading.Event()

    def run(self, loop: Callable[[], None]) -> None:
        """Run `loop` until it returns, and in further threads while turns hang; raise its error."""
        self._loop = loop
        self._start()
        # The kernel may give a signal to another thread, and only this one runs the handlers.
        while not self._ended.wait(HANDLE_SIGNALS_S):
            pass
        self._loop = None
        if self._failure is not None:
            raise self._failure

    def turn(self, identity: str, work: Callable[[], T]) -> T:
        """Do the work for a mailbox, and return the result.

        Another thread may take over meanwhile. Then this thread ends after the work.
        """
        turn = self._turn = Turn(identity)
        try:
            return work()
        except Exception as error:
            turn.error = error
            raise
        finally:
            self._end(turn)

    def take_over(self) -> None:
        """Run the loop in another thread if the turn takes too long; call this from time to time."""
        with self._lock:
            turn = self._turn
            if self._loop is None or turn is None or turn.age_s < TAKE_OVER_AFTER_S:
                return
            if len(self._hanging) >= MOST_HANGING:
                return
            try:
                self._start()  # It waits for the lock.
            except RuntimeError:  # The system starts no further thread, so this one goes on.
                return
            turn.is_taken_over, self._turn = True, None
            self._hanging[turn.identity] = turn

    def is_hanging(self, identity: str) -> bool:
        """Return whether a turn of the mailbox was taken over, and `taken_over` has not returned its end."""
        return identity in self._hanging

    def taken_over(self, identity: str) -> Turn | None:
        """Return the turn of the mailbox that was taken over; if it is over, only once."""
        turn = self._hanging.get(identity)
        if turn is not None and turn.is_over:
            del self._hanging[identity]
        return turn

    def join(self) -> None:
        """Wait until the turns that were taken over are over."""
        for turn in [*self._hanging.values()]:
            turn.thread.join()

    def _end(self, turn: Turn) -> None:
        with self._lock:
            turn.is_over = True
            if not turn.is_taken_over:
                self._turn = None
                return
        self._wakeup.wake()
        raise _TakenOver

    def _start(self) -> None:
        # A daemon, so that a turn that hangs does not keep the process from ending.
        threading.Thread(target=self._run, name="loop", daemon=True).start()

    def _run(self) -> None:
        with self._lock:
            loop = self._loop
        try:
            if loop is not None:
                loop()
        except _TakenOver:
            return
        except BaseException as error:  # noqa: BLE001  `run` raises it again
            self._failure = error
        self._ended.set()
