"""Processes of the host: their identity, whether they ended, their orphans, and their shutdown."""

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
"""Environment variable of programs started under a lock; it identifies the process of the host."""

GRACE_S: Final = 3.5
"""How long operations may continue after the signal that ends the process."""

KILL_AFTER_S: Final = 0.5
"""Seconds between SIGTERM, at which git removes its own locks, and SIGKILL."""

_CLEAN_UP_S: Final = 0.2

EXIT_CODE: Final = 128 + signal.SIGTERM
"""Exit code of a process that had to end before it was done."""

_POLL_S: Final = 0.01
_END_WITHIN_S: Final = 5.0
_LOOKS: Final = 2
"""How often no program of a dead process has to be found in a row before it has none."""

_PROC: Final = Path("/proc")
_GONE: Final = frozenset("ZX")
_STOPPED: Final = frozenset("Tt")


class HostStops(SystemExit):
    """This process has to end now. The next one completes its operations, as after a SIGKILL."""

    def __init__(self) -> None:
        super().__init__(EXIT_CODE)

    def __str__(self) -> str:
        return "the host is shutting down"


class Process(NamedTuple):
    """Identity of a process, unique even if its pid is reused; fields are empty without /proc."""

    pid: int
    started: str = ""
    boot: str = ""
    namespace: str = ""

    @property
    def is_dead(self) -> bool:
        """Whether it is known to have ended; false if it cannot be seen from here."""
        here = this_process()
        if not self.started or (self.boot, self.namespace) != (here.boot, here.namespace):
            return False
        state, started = _state_of(self.pid)
        return state in _GONE or started != self.started

    @property
    def is_seen_alive(self) -> bool:
        """Whether it can be seen from here and still runs."""
        here = this_process()
        is_here = (self.boot, self.namespace) == (here.boot, here.namespace)
        return bool(self.started) and is_here and not self.is_dead

    @property
    def is_stopped(self) -> bool:
        """Whether it is known to be stopped, for example by SIGSTOP."""
        return self.is_seen_alive and _state_of(self.pid)[0] in _STOPPED

    def __str__(self) -> str:
        return ":".join((str(self.pid), self.started, self.boot, self.namespace))

    @classmethod
    def read(cls, text: str) -> Process | None:
        """Parse the result of `str`; return None for any other text."""
        pid, *others = text.split(":")
        if not (pid.isascii() and pid.isdigit() and len(others) == len(cls._fields) - 1):
            return None
        started, boot, namespace = others
        return cls(pid=int(pid), started=started, boot=boot, namespace=namespace)


def this_process() -> Process:
    """Return the current process."""
    return _this(os.getpid())


@cache
def _this(pid: int) -> Process:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        namespace = os.readlink(_PROC / "self/ns/pid").strip("pid:[]")  # noqa: PTH115  not a path
    except OSError:
        return Process(pid=pid)
    return Process(pid=pid, started=_state_of(pid)[1], boot=boot, namespace=namespace)


def _state_of(pid: int) -> tuple[str, str]:
    """Return the state and start time of a process; "X" and "" if there is none."""
    try:
        text = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return "X", ""
    # The name before the last parenthesis may contain any character. Source: proc(5).
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]


class Child(NamedTuple):
    """A program that a process has started and that still runs."""

    pid: int
    command: str
    age_s: float


def children(pid: int) -> list[Child]:
    """Return the programs that the process has started, oldest first; none without /proc."""
    found: list[Child] = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        up_s = float((_PROC / "uptime").read_text("ascii").split()[0])
        for thread in (_PROC / str(pid) / "task").iterdir():
            for child in (thread / "children").read_text("ascii").split():
                words = (_PROC / child / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                started_s = int(_state_of(int(child))[1]) / os.sysconf("SC_CLK_TCK")
                command = b" ".join(words).decode("utf-8", "replace")
                found.append(Child(int(child), command, up_s - started_s))
    return sorted(found, key=lambda child: -child.age_s)


# Description of the current operation.

_doing: ContextVar[str] = ContextVar("_doing", default="")


@contextlib.contextmanager
def doing(description: str) -> Iterator[None]:
    """Describe what this thread does while the block runs, for processes that wait for its locks."""
    token = _doing.set(description)
    try:
        yield
    finally:
        _doing.reset(token)


def what_is_done() -> str:
    """Return the description of what this thread does; "" if there is none."""
    return _doing.get()


# Shutdown of this process.


class _Deadline:
    def __init__(self) -> None:
        self.at = math.inf


_deadline = _Deadline()


def stop_within(seconds: float) -> None:
    """Set the deadline for all operations of this process; may be called from a signal handler."""
    _deadline.at = min(_deadline.at, time.monotonic() + seconds)


def remaining_s() -> float:
    """Return the seconds until the deadline of this process."""
    return _deadline.at - time.monotonic()


def all_end_within_s() -> float | None:
    """Return the seconds until all operations have ended, unless a disk hangs; None without a deadline."""
    if math.isinf(_deadline.at):
        return None
    return max(0.0, remaining_s()) + KILL_AFTER_S + _CLEAN_UP_S


def require_time() -> None:
    """Check that the deadline has not passed.

    Raises:
        HostStops: it has.
    """
    if remaining_s() <= 0:
        raise HostStops


# Orphans of a dead process.


def end_orphans(dead: Process) -> None:
    """End the programs that the dead process started under a lock."""
    mark = f"{VARIABLE}={dead}".encode()
    _signal_all(signal.SIGTERM, mark)
    # /proc is listed again: a program that was being started may not have been in the list, or not
    # have had its environment yet.
    deadline, unseen = time.monotonic() + _END_WITHIN_S, 0
    while unseen < _LOOKS and time.monotonic() < deadline:
        unseen = 0 if _signal_all(signal.SIGKILL, mark) else unseen + 1
        time.sleep(_POLL_S)


def _signal_all(number: signal.Signals, mark: bytes) -> bool:
    """Signal the marked programs and wait for their end; return whether there were any."""
    found = list(_marked(mark))
    for pid in found:
        _send(pid, number, mark)
    deadline = time.monotonic() + KILL_AFTER_S
    while any(_is_marked(pid, mark) for pid in found) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return bool(found)


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
            # Checked again: the pid may belong to another process by now.
            if _is_marked(pid, mark):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
