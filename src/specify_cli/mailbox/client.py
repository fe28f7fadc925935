"""Client of a spec-kitty host's mailbox: write a request file, read a reply file.

This file imports only the standard library, so it can be copied into a sandbox. It needs two folders:
one to write requests to, and one to read replies from.

    from client import Mailbox
    mailbox = Mailbox("/mnt/inbox", "/mnt/outbox")
    envelope = mailbox.call("mission-state", {"mission": "034-search"})
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:  # Importing `typing` would take a fifth of the start-up time of a call.
    from typing import Any, TypeAlias

    OnLook: TypeAlias = Callable[["Waiting"], None]

CONTRACT_VERSION = "1.3.0"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# A pause of a twentieth of the time waited so far delays the reply by at most five per cent.
SHORTEST_PAUSE_S = 0.0005
LONGEST_PAUSE_S = 0.05
WAITED_PER_PAUSE = 20
# Stem of the heartbeat file. No request has this id.
HEARTBEAT = "worker"
# After this many missed beats, the worker counts as dead.
MISSED_BEATS = 3
DEFAULT_BEAT_INTERVAL_S = 2.0
LONGEST_BEAT_INTERVAL_S = 3600.0
# Interval at which a waiting client reads the heartbeat, and the delay before the first time.
LOOK_INTERVAL_S = 1.0
FIRST_LOOK_S = 0.1
MAX_HEARTBEAT_BYTES = 64 * 1024
MAX_REPLY_BYTES = 64 * 1024 * 1024
# Text fields of every envelope; a later contract may add more.
TEXTS = ("contract_version", "command", "timestamp")
# Do not follow a link, and do not block on a FIFO.
READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW


class NotAnsweredError(TimeoutError):
    """No reply arrived in time. The request stays valid: call `wait` again with `correlation_id`."""

    reason = "not_answered"

    def __init__(self, message: str, correlation_id: str) -> None:
        super().__init__(message)
        self.correlation_id = correlation_id


class NoWorkerError(NotAnsweredError):
    """No worker served the mailbox meanwhile. The request is answered once a worker runs."""

    reason = "no_worker"


class QueuedError(NotAnsweredError):
    """A worker is alive; the request still waits in the inbox, at `position`."""

    reason = "queued"

    def __init__(self, message: str, correlation_id: str, *, position: int) -> None:
        super().__init__(message, correlation_id)
        self.position = position


class TakenError(NotAnsweredError):
    """A worker is alive; it took the request and did not answer it yet."""

    reason = "taken"


class LostContactError(NotAnsweredError):
    """The worker disappeared, or the folders cannot be accessed."""

    reason = "lost_contact"


class BadReplyError(ValueError):
    """The reply file is not an envelope that answers this request."""


class ForbiddenReplyError(PermissionError):
    """The reply exists, but this process may not read it."""


class Heartbeat:
    """State of the worker, read from its heartbeat.

    The worker is alive if the heartbeat is recent by the clock, or if it changes between two calls of
    `look`. The second test works even if the clocks of the two machines differ.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._changed_at = float("-inf")
        self.was_alive = self.is_alive = False
        self.report: dict[str, Any] = {}

    def look(self) -> bool:
        """Read the heartbeat; return whether a worker serves the mailbox."""
        try:
            status = self._path.stat()
            report = json.loads(_read(self._path, max_bytes=MAX_HEARTBEAT_BYTES))
        except (OSError, ValueError, RecursionError):
            report = None
        self.report = report if isinstance(report, dict) else {}
        self.is_alive = bool(self.report) and self._beats(status)
        self.was_alive = self.was_alive or self.is_alive
        return self.is_alive

    @property
    def trouble(self) -> str:
        """The reason why a live worker is stalled; empty if it is not."""
        if self.is_alive and self.report.get("state") == "stalled":
            why = self.report.get("stalled_reason") or "no reason given"
            return f"the worker is stalled: {why}"
        return ""

    def _beats(self, status: os.stat_result) -> bool:
        seen = (status.st_ino, status.st_mtime_ns)
        if self._seen not in (None, seen):
            self._changed_at = time.monotonic()
        self._seen = seen
        patience_s = MISSED_BEATS * self._interval_s()
        # A beat in the future is stale, too, unless it changes.
        fresh = abs(time.time() - status.st_mtime) < patience_s
        changing = time.monotonic() - self._changed_at < patience_s
        return self.report.get("state") != "stopped" and (fresh or changing)

    def _interval_s(self) -> float:
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            given = float(self.report.get("interval_s", DEFAULT_BEAT_INTERVAL_S))
            return given if 0 < given <= LONGEST_BEAT_INTERVAL_S else 0.0
        return 0.0


class Waiting:
    """A request without an answer, and what is known about the reason."""

    def __init__(self, mailbox: Mailbox, correlation_id: str) -> None:
        self._mailbox = mailbox
        self._since = time.monotonic()
        self._next_look_s = FIRST_LOOK_S
        self.correlation_id = correlation_id
        self.heartbeat = Heartbeat(mailbox.outbox / f"{HEARTBEAT}.json")

    @property
    def waited_s(self) -> float:
        """Seconds waited so far."""
        return time.monotonic() - self._since

    def look(self) -> bool:
        """Read the heartbeat at most once a second; return whether it was read."""
        if self.waited_s < self._next_look_s:
            return False
        self.heartbeat.look()
        self._next_look_s = self.waited_s + LOOK_INTERVAL_S
        return True

    def verdict(self) -> NotAnsweredError:
        """Return the error that says why there is no answer yet."""
        self.heartbeat.look()
        waited = f"no reply to {self.correlation_id} within {self.waited_s:.1f} s: "
        if lost := self._mailbox.out_of_reach():
            return LostContactError(f"{waited}contact was lost: {lost}", self.correlation_id)
        return self._served(waited) if self.heartbeat.is_alive else self._abandoned(waited)

    def _abandoned(self, waited: str) -> NotAnsweredError:
        state = (
            "was stopped"
            if self.heartbeat.report.get("state") == "stopped"
            else "stopped responding"
        )
        restart = "start `spec-kitty mailbox serve` on the host; the request waits for it"
        if self.heartbeat.was_alive:
            text = f"{waited}contact was lost: the worker {state}; {restart}"
            return LostContactError(text, self.correlation_id)
        why = f"the last one {state}" if self.heartbeat.report else "there is no heartbeat"
        text = f"{waited}no worker serves the mailbox: {why}; {restart}"
        return NoWorkerError(text, self.correlation_id)

    def _served(self, waited: str) -> NotAnsweredError:
        position = self._mailbox.position(self.correlation_id)
        text = f"{waited}{self.standing(position)}; wait again"
        if position is None:
            return TakenError(text, self.correlation_id)
        return QueuedError(text, self.correlation_id, position=position)

    def standing(self, position: int | None) -> str:
        """Describe the state of the request, given its position in the inbox."""
        trouble = self.heartbeat.trouble and f" ({self.heartbeat.trouble})"
        if position is None:
            return f"the worker has taken it and is processing it{trouble}"
        where = f" at position {position}" if position else ""
        return f"it is queued{where}{trouble}"


class Mailbox:
    """The two folders of a host's mailbox."""

    def __init__(self, inbox: str | os.PathLike[str], outbox: str | os.PathLike[str]) -> None:
        self.inbox = Path(inbox)
        self.outbox = Path(outbox)

    def submit(
        self,
        command: str,
        args: Mapping[str, Any],
        *,
        policy: Mapping[str, Any] | None = None,
        correlation_id: str | None = None,
        not_after: str | None = None,
    ) -> str:
        """Write a request to the inbox; return its correlation id, a new one by default.

        Raises:
            FileExistsError: another request with this id waits; nothing was submitted.
            OSError: the inbox cannot be written; nothing was submitted.
        """
        correlation_id = correlation_id or new_correlation_id()
        request: dict[str, Any] = {
            "contract_version": CONTRACT_VERSION,
            "correlation_id": correlation_id,
            "command": command,
            "args": dict(args),
        }
        if policy is not None:
            request["policy"] = policy
        if not_after is not None:
            request["not_after"] = not_after
        self._write(correlation_id, json.dumps(request).encode())
        return correlation_id

    def wait(
        self, correlation_id: str, *, timeout_s: float = 60.0, on_look: OnLook | None = None
    ) -> dict[str, Any]:
        """Wait for the reply to the request with this id; return its envelope.

        `on_look` is called about once a second with the state of the request.

        Raises:
            NoWorkerError, QueuedError, TakenError, LostContactError: no reply arrived in time.
            BadReplyError: the reply is not a valid envelope.
            ForbiddenReplyError: the reply cannot be read.
        """
        waiting = Waiting(self, correlation_id)
        while (reply := self._reply_in_reach(correlation_id)) is None:
            waited_s = waiting.waited_s
            if waited_s >= timeout_s:
                raise waiting.verdict()
            if waiting.look() and on_look is not None:
                on_look(waiting)
            pause_s = min(max(SHORTEST_PAUSE_S, waited_s / WAITED_PER_PAUSE), LONGEST_PAUSE_S)
            time.sleep(min(pause_s, timeout_s - waited_s))
        return reply

    def call(
        self,
        command: str,
        args: Mapping[str, Any],
        *,
        policy: Mapping[str, Any] | None = None,
        correlation_id: str | None = None,
        timeout_s: float = 60.0,
    ) -> dict[str, Any]:
        """Submit a request and wait for its reply; return the envelope.

        To retry after an error or a crash, repeat the call with the same `correlation_id` and the same
        request: it is carried out only once.

        Raises:
            OSError: the inbox cannot be written.
            NotAnsweredError, BadReplyError, ForbiddenReplyError: as for `wait`.
        """
        sent = self.submit(command, args, policy=policy, correlation_id=correlation_id)
        return self.wait(sent, timeout_s=timeout_s)

    def reply_path(self, correlation_id: str) -> Path:
        """Return the path of the reply to the request with this id."""
        return self.outbox / f"{correlation_id}.json"

    def reply(self, correlation_id: str) -> dict[str, Any] | None:
        """Return the envelope that answers the request with this id, or None if there is none yet.

        Raises:
            BadReplyError: the reply is not a valid envelope.
            ForbiddenReplyError: the reply cannot be read.
            OSError: the outbox cannot be accessed.
        """
        path = self.reply_path(correlation_id)
        try:
            data = _read(path, max_bytes=MAX_REPLY_BYTES)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            path.lstat()  # Raises if the folder cannot be accessed either.
            raise ForbiddenReplyError(
                error.errno, "the reply exists but cannot be read", str(path)
            ) from error
        return _envelope(data, path)

    def position(self, correlation_id: str) -> int | None:
        """Return the position of the request in the inbox, from 1.

        Returns:
            None if the worker has taken it; 0 if it waits but the inbox cannot be listed.
        """
        own_name = f"{correlation_id}.json"
        try:
            own = ((self.inbox / own_name).lstat().st_ctime_ns, own_name)
        except OSError:
            return None
        try:
            return 1 + sum(_sort_key(entry) < own for entry in os.scandir(self.inbox))
        except OSError:
            return 0

    def worker_is_alive(self) -> bool:
        """Return whether a worker serves this mailbox, by its heartbeat."""
        return Heartbeat(self.outbox / f"{HEARTBEAT}.json").look()

    def out_of_reach(self) -> str:
        """Return the folder that cannot be accessed, with the reason; empty if both can."""
        for folder in (self.outbox, self.inbox):
            try:
                os.stat(f"{folder}/.")  # The dot checks the permission to enter the folder.
            except OSError as error:
                return f"{folder}: {error.strerror}"
        return ""

    def _reply_in_reach(self, correlation_id: str) -> dict[str, Any] | None:
        try:
            return self.reply(correlation_id)
        except ForbiddenReplyError:
            raise
        except OSError:  # The folder may come back. Otherwise `verdict` names it.
            return None

    def _write(self, correlation_id: str, data: bytes) -> None:
        target = self.inbox / f"{correlation_id}.json"
        # A rename would silently replace a waiting request.
        with contextlib.suppress(FileNotFoundError):
            if not _holds(target, data):
                raise FileExistsError(
                    errno.EEXIST, "another request with this id waits", str(target)
                )
        temporary = self.inbox / f".{correlation_id}.{os.urandom(4).hex()}.tmp"
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


class _IncreasingNumbers:
    """Increasing numbers of 128 bits: 48 bits of milliseconds, then 80 random bits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        random = int.from_bytes(os.urandom(10), "big")
        with self._lock:
            number = (time.time_ns() // 1_000_000 << 80) | random
            # In the same millisecond, or after the clock was set back, count up from the last number. By
            # a random step, because a forked process continues from the same number.
            self._last = number if number > self._last else self._last + 1 + (random >> 16)
            return self._last


_ulids = _IncreasingNumbers()


def new_correlation_id() -> str:
    """Return a new ULID. It sorts by time, and after all earlier ones of this process."""
    number = _ulids.next()
    return "".join(CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def _holds(path: Path, data: bytes) -> bool:
    """Return whether the path is a regular file with exactly this content.

    Raises:
        OSError: there is no file, or it cannot be accessed.
    """
    try:
        return _read(path, max_bytes=len(data)) == data
    except BadReplyError:
        return False
    except PermissionError:
        path.lstat()  # Raises if the folder cannot be accessed either.
        return False


def _read(path: Path, *, max_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: it cannot be opened or read.
        BadReplyError: it is not a regular file, or too large.
    """
    try:
        descriptor = os.open(path, READ_FLAGS)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):
            raise
        raise BadReplyError(f"{path} is a link or a socket, not a reply of a host") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BadReplyError(f"{path} is not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
    finally:
        os.close(descriptor)
    if len(data) > max_bytes:
        raise BadReplyError(f"{path} is larger than {max_bytes} bytes")
    return data


def _envelope(data: bytes, path: Path) -> dict[str, Any] | None:
    """Return the envelope; None for a reply that a power loss tore, which the host publishes again."""
    if not _is_object(data):
        return None
    try:
        # int() rejects NaN and Infinity, which are not JSON.
        envelope: Any = json.loads(data, parse_constant=int, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadReplyError(f"{path} is not JSON") from error
    if envelope.get("correlation_id") != path.stem:
        raise BadReplyError(f"{path} is not the envelope that answers {path.stem}")
    if not all(isinstance(envelope.get(name), str) for name in TEXTS):
        raise BadReplyError(
            f"{path} is not a complete envelope, which has the texts {', '.join(TEXTS)}"
        )
    success, code = envelope.get("success"), envelope.get("error_code", "")
    agree = (success is True and code is None) or (
        success is False and code and isinstance(code, str)
    )
    if not agree or not isinstance(envelope.get("data"), dict):
        raise BadReplyError(f"{path} contradicts itself: success, error_code and data do not fit")
    answer: dict[str, Any] = envelope
    return answer


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False


def _finite(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):
        raise ValueError("a number is too large")
    return number


def _sort_key(entry: os.DirEntry[str]) -> tuple[float, str]:
    """Return the sort key of a request; infinity for other entries and for those that are gone."""
    if not entry.name.startswith(".") and entry.name.endswith(".json"):
        with contextlib.suppress(OSError):
            return (entry.stat(follow_symlinks=False).st_ctime_ns, entry.name)
    return (float("inf"), "")
