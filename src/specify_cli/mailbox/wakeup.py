"""Wake a waiting thread from any thread or from a signal handler."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Collection

GONE = -1


class Wakeup:
    """An event that a thread can wait for.

    It is a pipe. With a `threading.Event`, a signal handler that sets the event while its own thread
    is inside `wait` would deadlock on the event's lock.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def wake(self) -> None:
        """Make the current or the next `wait` return at once."""
        # A full pipe is set already; a closed one has no reader.
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._writer, b"\0")

    def wake_on_signals(self) -> None:
        """Wake at every signal that has a handler, even while the main thread cannot run the handler."""
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def wait_for_signal(self, numbers: Collection[int]) -> None:
        """Wait until one of the signals arrives, or `wake` is called; see `wake_on_signals`."""
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        while True:
            poll.poll()
            # One byte for each signal, which is its number.
            with contextlib.suppress(BlockingIOError):
                if {0, *numbers}.intersection(os.read(self._reader, 4096)):
                    return

    def wait(self, timeout_s: float) -> bool:
        """Wait until `wake` is called; return whether it was within `timeout_s`. Consumes all earlier calls."""
        # Not select(): it is limited to the first 1,024 descriptors.
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        is_woken = bool(poll.poll(max(0.0, timeout_s) * 1000))
        with contextlib.suppress(BlockingIOError):
            while is_woken and os.read(self._reader, 4096):
                pass
        return is_woken

    def close(self) -> None:
        """Close the pipe; no thread may wait any more."""
        if self._writer != GONE:
            writer, self._writer = self._writer, GONE
            os.close(writer)
            os.close(self._reader)

    def __del__(self) -> None:
        """Close the pipe when the last reference is gone."""
        self.close()
