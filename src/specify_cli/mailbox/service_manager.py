"""Tell the service manager how the worker is: the protocol of sd_notify(3), without a library.

Without NOTIFY_SOCKET nothing happens. A message that cannot be sent does not disturb the worker.
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
import time
from collections.abc import MutableMapping
from typing import Final

from specify_cli.mailbox.printable import printable

STATUS_INTERVAL_S: Final = 5.0
# A manager that does not read its socket must not delay the worker for long.
_SEND_WITHIN_S: Final = 0.2


class ServiceManager:
    """The service manager that started this process, if one did.

    Args:
        environment: Where the manager names its socket; these variables are removed, so that no child
            process takes them for its own.
    """

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        self._address = _address(environment.pop("NOTIFY_SOCKET", ""))
        self._ping_s = _ping_interval_s(environment) if self._address else math.inf
        self._ping_at = self._status_at = 0.0
        self._status = ""

    @property
    def interval_s(self) -> float:
        """The longest time between two calls of `report_progress`."""
        return min(self._ping_s, STATUS_INTERVAL_S) if self._address else math.inf

    @property
    def is_status_due(self) -> bool:
        """Whether it is time for another status."""
        return bool(self._address) and time.monotonic() >= self._status_at

    def ready(self) -> None:
        """Say that the worker serves, or has read its settings again."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Say that the worker begins to read its settings again."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the worker finishes the requests in progress, and ends."""
        self._send("STOPPING=1")

    def set_status(self, text: str) -> None:
        """Show the line in `systemctl status`, if it changed."""
        self._status_at = time.monotonic() + STATUS_INTERVAL_S
        if text != self._status:
            self._status = text
            self._send(f"STATUS={printable(text)}")

    def report_progress(self) -> None:
        """Say that the worker makes progress; call this after each round of its main loop.

        Only the main loop calls this: if it hangs, the manager ends the process and starts another.
        """
        now = time.monotonic()
        if now >= self._ping_at and self._ping_s < math.inf:
            self._ping_at = now + self._ping_s
            self._send("WATCHDOG=1")

    def _send(self, *assignments: str) -> None:
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        ):
            sender.settimeout(_SEND_WITHIN_S)
            sender.sendto("\n".join(assignments).encode(), self._address)


def _address(name: str) -> bytes:
    """Return the address of the socket; empty if there is none that this module can use."""
    if name.startswith("@"):  # An abstract socket.
        return b"\0" + os.fsencode(name[1:])
    return os.fsencode(name) if name.startswith("/") else b""


def _ping_interval_s(environment: MutableMapping[str, str]) -> float:
    """Return half of the time after which the manager ends a silent process."""
    usec, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
    is_for_us = not pid or pid == str(os.getpid())
    if not is_for_us or not (usec.isascii() and usec.isdigit()) or not int(usec):
        return math.inf
    return int(usec) / 2e6
