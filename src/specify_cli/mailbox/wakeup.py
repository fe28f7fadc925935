"""A bell that may be rung from any thread and from a signal handler."""

from __future__ import annotations

import contextlib
import os
import select
import signal

GONE = -1


class Wakeup:
    """Wakes the one who waits on it.

    A pipe rather than a `threading.Event`: a signal handler that sets an event while its own
    thread is inside `wait` locks up on the event's lock.
    """

    def __init__(self) -> None:
        self._ear, self._rope = os.pipe()
        os.set_blocking(self._ear, False)
        os.set_blocking(self._rope, False)

    def ring(self) -> None:
        """The current or the next `wait` returns at once."""
        # Full means that it rings already; closed that nobody listens any more.
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._rope, b"\0")

    def ring_on_signals(self) -> None:
        """It rings at every signal that has a handler, also while the main thread cannot run that."""
        signal.set_wakeup_fd(self._rope, warn_on_full_buffer=False)

    def wait(self, timeout_s: float) -> bool:
        """Whether it rang within `timeout_s`; every ring so far is used up."""
        # Not select(): it cannot look at a descriptor beyond the first 1,024.
        poll = select.poll()
        poll.register(self._ear, select.POLLIN)
        rang = bool(poll.poll(max(0.0, timeout_s) * 1000))
        with contextlib.suppress(BlockingIOError):
            while os.read(self._ear, 4096):
                pass
        return rang

    def close(self) -> None:
        """The bell is gone; nobody may wait on it any more."""
        if self._rope != GONE:
            rope, self._rope = self._rope, GONE
            os.close(rope)
            os.close(self._ear)

    def __del__(self) -> None:
        """Its owner is gone, so nobody waits on it."""
        self.close()
