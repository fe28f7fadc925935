"""Feed a child process and read its output until it ends, its time is over, or this process has to end."""

from __future__ import annotations

import os
import selectors
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any, Final, Protocol

from specify_cli import processes

MOST_PRINTED: Final = 512 * 1024 * 1024
"""The most bytes of output that are read from one process."""

_TICK_S: Final = 0.05
_SHORT_TICK_S: Final = 0.005
_CHUNK: Final = 256 * 1024
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class ProcessStopped(Exception):
    """The process was stopped before its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimit:
    """The time that a process may take, and the setting of config.toml that says so."""

    setting: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessResult:
    """The exit status and output of a process."""

    returncode: int
    stdout: bytes
    stderr: bytes


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Give the block a grace period when a signal arrives, then raise for the signal.

    The rest of the block and all clean-up share that time. A process with handlers of its own, such
    as the worker, handles signals itself.
    """
    noted: list[int] = []

    def note(number: int, frame: object) -> None:
        processes.stop_within(0 if noted else processes.GRACE_S)
        noted.append(number)

    ours: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        default = (signal.SIG_DFL, signal.default_int_handler)
        ours = {number: it for number, it in handlers.items() if it in default}
    for number in ours:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        if noted:
            raise KeyboardInterrupt if noted[0] == signal.SIGINT else SystemExit(128 + noted[0])


class ChildProcess(Protocol):
    """A process that leads a process group, with three pipes."""

    pid: int
    returncode: int | Any
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    def poll(self) -> int | None:
        """Return the exit status, None while it runs; reaps the process."""

    def wait(self) -> int:
        """Wait for the exit status."""


def communicate(
    process: ChildProcess,
    input: bytes,
    *,
    limit: TimeLimit,
    leaves_nothing: bool,
    enough: int | None = None,
) -> ProcessResult:
    """Feed the process and read its output until it ends; with `leaves_nothing`, end its whole group too.

    Its output is closed once it has printed more than `enough`, at which most programs end.

    Raises:
        ProcessStopped: it was stopped before its end.
        HostStops: this process has to end; the other one was ended.
    """
    attended = _Communication(process, input, enough=enough)
    try:
        attended.until_ended(limit)
        if leaves_nothing:
            _signal_group(process, signal.SIGKILL)
    except BaseException:
        _end_group(process)
        raise
    finally:
        attended.close()
    return ProcessResult(
        returncode=process.wait(),
        stdout=bytes(attended.stdout),
        stderr=bytes(attended.stderr),
    )


class _Communication:
    """The pipes of a process, served until the process ends, whatever children it leaves running."""

    def __init__(self, process: ChildProcess, input: bytes, *, enough: int | None) -> None:
        self.stdout, self.stderr = bytearray(), bytearray()
        self._enough = enough
        self._process = process
        self._unsent = memoryview(input)
        self._selector = selectors.DefaultSelector()
        self._pidfd = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else None
        if self._pidfd is not None:
            self._selector.register(self._pidfd, selectors.EVENT_READ)
        streams = (process.stdout, process.stderr, process.stdin)
        for stream, taken in zip(streams, (self.stdout, self.stderr, None), strict=True):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                event = selectors.EVENT_WRITE if taken is None else selectors.EVENT_READ
                self._selector.register(stream, event, taken)

    def until_ended(self, limit: TimeLimit) -> None:
        """Serve the pipes until the process has ended; it is not reaped yet.

        Raises:
            ProcessStopped: it took longer, or printed too much.
            HostStops: this process has to end.
        """
        deadline = time.monotonic() + limit.seconds
        while not _has_ended(self._process):
            processes.require_time()
            if time.monotonic() > deadline:
                raise ProcessStopped(
                    f"it did not end within {limit.seconds:g} s ({limit.setting} in"
                    " .kitty/config.toml) and was stopped"
                )
            self._go_on(_TICK_S if len(self._selector.get_map()) > 1 else _SHORT_TICK_S)
        self._go_on(0)

    def close(self) -> None:
        """Close all pipes."""
        for key in list(self._selector.get_map().values()):
            if not isinstance(key.fileobj, int):
                self._leave(key.fileobj)
        self._selector.close()
        if self._pidfd is not None:
            os.close(self._pidfd)

    def _go_on(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            if key.data is not None:
                self._take(key.fileobj, key.data)
            elif key.fileobj is self._process.stdin:
                self._send(key.fileobj)

    def _take(self, stream: Any, taken: bytearray) -> None:
        with suppress(BlockingIOError):
            while chunk := os.read(stream.fileno(), _CHUNK):
                taken += chunk
                if self._enough is not None and len(taken) > self._enough:
                    break
                if len(taken) > MOST_PRINTED:
                    raise ProcessStopped(
                        f"it printed more than {MOST_PRINTED} bytes and was stopped"
                    )
            self._leave(stream)

    def _send(self, stream: Any) -> None:
        try:
            sent = os.write(stream.fileno(), self._unsent[:_CHUNK])
        except BrokenPipeError:  # It has read what it needed.
            sent = len(self._unsent)
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._leave(stream)

    def _leave(self, stream: Any) -> None:
        self._selector.unregister(stream)
        stream.close()


def _has_ended(process: ChildProcess) -> bool:
    """Return whether the process has ended, without reaping it: its number stays that of its group."""
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, flags) is not None


def _end_group(process: ChildProcess) -> None:
    """End git and its group: SIGTERM first, so that git removes its own locks."""
    _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + processes.KILL_AFTER_S
    while not _has_ended(process) and time.monotonic() < deadline:
        time.sleep(_SHORT_TICK_S)
    _signal_group(process, signal.SIGKILL)
    # A process that waits for a dead disk cannot be killed before that wait ends.
    deadline = time.monotonic() + processes.KILL_AFTER_S
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(_SHORT_TICK_S)


def _signal_group(process: ChildProcess, number: signal.Signals) -> None:
    # Once the leader is reaped, another group may have its number.
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
