"""The processes of the host: who one is, whether it is dead, what it left running, when it has to end."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

VARIABLE: Final = "SPEC_KITTY_HOST_PROCESS"
"""In the environment of what a process of the host started while it held a lock; names that process."""

GRACE_S: Final = 3.5
"""How long what a process of the host has begun may go on after the signal that ends the process."""

KINDNESS_S: Final = 0.5
"""Between SIGTERM, at which git removes its own locks, and SIGKILL."""

EXIT_CODE: Final = 128 + signal.SIGTERM
"""Of a process that had to end before it was done."""

_POLL_S: Final = 0.01
_PROC: Final = Path("/proc")
_GONE: Final = frozenset("ZX")
_STOPPED: Final = frozenset("Tt")


class HostStops(SystemExit):
    """This process has to end now; what it began is settled by the next one, as after a SIGKILL."""

    def __init__(self) -> None:
        super().__init__(EXIT_CODE)

    def __str__(self) -> str:
        return "the host was told to end"


class Process(NamedTuple):
    """One process on one kernel, never another with the same id; empty where /proc does not tell."""

    pid: int
    started: str = ""
    boot: str = ""
    namespace: str = ""

    @property
    def is_dead(self) -> bool:
        """Whether it is known to have ended; never true of one that cannot be seen from here."""
        here = this_process()
        if not self.started or (self.boot, self.namespace) != (here.boot, here.namespace):
            return False
        state, started = _state_of(self.pid)
        return state in _GONE or started != self.started

    @property
    def is_seen_alive(self) -> bool:
        """Whether it can be seen from here, and has not ended."""
        here = this_process()
        is_here = (self.boot, self.namespace) == (here.boot, here.namespace)
        return bool(self.started) and is_here and not self.is_dead

    @property
    def is_stopped(self) -> bool:
        """Whether it is known to be stopped, as by SIGSTOP, so that it does nothing."""
        return self.is_seen_alive and _state_of(self.pid)[0] in _STOPPED

    def __str__(self) -> str:
        return ":".join((str(self.pid), self.started, self.boot, self.namespace))

    @classmethod
    def read(cls, text: str) -> Process | None:
        """The process that `str` gave as this text; None for any other text."""
        pid, *others = text.split(":")
        if not (pid.isascii() and pid.isdigit() and len(others) == len(cls._fields) - 1):
            return None
        started, boot, namespace = others
        return cls(pid=int(pid), started=started, boot=boot, namespace=namespace)


def this_process() -> Process:
    """The process that asks."""
    return _this(os.getpid())


@cache
def _this(pid: int) -> Process:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        namespace = os.readlink(_PROC / "self/ns/pid").strip("pid:[]")  # noqa: PTH115  text, no path
    except OSError:
        return Process(pid=pid)
    return Process(pid=pid, started=_state_of(pid)[1], boot=boot, namespace=namespace)


def _state_of(pid: int) -> tuple[str, str]:
    """The state of a process and when it started; "X" and "" where there is none."""
    try:
        told = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return "X", ""
    # The name before the last parenthesis may hold anything. Source: proc(5).
    fields = told.rpartition(")")[2].split()
    return fields[0], fields[19]


# What one process of the host is doing.

_doing: ContextVar[str] = ContextVar("_doing", default="")


@contextlib.contextmanager
def doing(words: str) -> Iterator[None]:
    """While the block runs, whoever waits for this thread can be told what it is doing."""
    token = _doing.set(words)
    try:
        yield
    finally:
        _doing.reset(token)


def what_is_done() -> str:
    """What this thread is doing, in words; "" where nobody said."""
    return _doing.get()


# The end of this process.


class _End:
    def __init__(self) -> None:
        self.at = math.inf


_end = _End()


def stop_within(seconds: float) -> None:
    """What this process has begun has to end in that time; may be called from a signal handler."""
    _end.at = min(_end.at, time.monotonic() + seconds)


def remaining_s() -> float:
    """How long this process may go on."""
    return _end.at - time.monotonic()


def require_time() -> None:
    """This process may go on.

    Raises:
        HostStops: it may not.
    """
    if remaining_s() <= 0:
        raise HostStops


# What a dead one left running.


def end_orphans(dead: Process) -> None:
    """Nothing that the dead process started under a lock runs any more, unless it cannot be ended."""
    mark = f"{VARIABLE}={dead}".encode()
    for number, patience_s in ((signal.SIGTERM, KINDNESS_S), (signal.SIGKILL, KINDNESS_S)):
        found = list(_marked(mark))
        for pid in found:
            _send(pid, number, mark)
        deadline = time.monotonic() + patience_s
        while any(_is_marked(pid, mark) for pid in found) and time.monotonic() < deadline:
            time.sleep(_POLL_S)


def _marked(mark: bytes) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for entry in _PROC.iterdir():
            if entry.name.isdigit() and _is_marked(int(entry.name), mark):
                yield int(entry.name)


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        variables = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return mark in variables.split(b"\0") and _state_of(pid)[0] not in _GONE


def _send(pid: int, number: signal.Signals, mark: bytes) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(pid)
        try:
            # Looked at once more: the id may have been given to another process by now.
            if _is_marked(pid, mark):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
