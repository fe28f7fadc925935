"""Ask a spec-kitty host through its mailbox: one file in, one file out.

Needs the standard library alone and imports nothing else, so this file may be copied into a sandbox.
All it must be given is two folders: one to write requests to, one to read replies from.

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
if TYPE_CHECKING:  # `typing` itself takes a fifth of the time that a call takes to start.
    from typing import Any, TypeAlias

    OnLook: TypeAlias = Callable[["Waiting"], None]

CONTRACT_VERSION = "1.3.0"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Looking again after a twentieth of the time waited so far costs five per cent of it at most.
SHORTEST_PAUSE_S = 0.0005
LONGEST_PAUSE_S = 0.05
WAITED_PER_PAUSE = 20
# The stem of the heartbeat's file, which no request can have as its id.
HEARTBEAT = "worker"
# How many missed beats make a worker absent.
MISSED_BEATS = 3
DEFAULT_BEAT_INTERVAL_S = 2.0
LONGEST_BEAT_INTERVAL_S = 3600.0
# How often a waiting client looks at the heartbeat, and when first.
LOOK_INTERVAL_S = 1.0
FIRST_LOOK_S = 0.1
MAX_HEARTBEAT_BYTES = 64 * 1024
MAX_REPLY_BYTES = 64 * 1024 * 1024
# What an envelope tells besides its answer; a later contract may tell more.
TEXTS = ("contract_version", "command", "timestamp")
# A planted link is not followed, and a planted FIFO does not make the reader wait.
READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW


class NotAnsweredError(TimeoutError):
    """No reply came in time. The request stays valid: `wait` again for `correlation_id`."""

    reason = "not_answered"

    def __init__(self, message: str, correlation_id: str) -> None:
        super().__init__(message)
        self.correlation_id = correlation_id


class NoWorkerError(NotAnsweredError):
    """Nobody served the mailbox all the time. The request will be served when somebody does."""

    reason = "no_worker"


class QueuedError(NotAnsweredError):
    """A worker is alive, and the request still waits in the inbox, as number `position`."""

    reason = "queued"

    def __init__(self, message: str, correlation_id: str, *, position: int) -> None:
        super().__init__(message, correlation_id)
        self.position = position


class TakenError(NotAnsweredError):
    """A living worker has taken the request, and not answered it yet."""

    reason = "taken"


class LostContactError(NotAnsweredError):
    """The worker that was there has gone, or the folders are out of reach."""

    reason = "lost_contact"


class BadReplyError(ValueError):
    """What lies in the reply's place is no envelope that answers this request."""


class ForbiddenReplyError(PermissionError):
    """The reply is there, and this process may not read it."""


class Pulse:
    """Whether a worker serves the mailbox, from one or more looks at its heartbeat.

    A beat that is fresh by the clock is a sign of life, and so is one that changes while we look:
    that holds where the clock of the folder's machine is not ours.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._changed_at = float("-inf")
        self.was_alive = self.is_alive = False
        self.report: dict[str, Any] = {}

    def look(self) -> bool:
        """Whether a worker serves the mailbox now."""
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
        """What keeps a living worker from its work, in its own words; empty where nothing does."""
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
        # Also a beat from the future is stale, unless it changes.
        fresh = abs(time.time() - status.st_mtime) < patience_s
        changing = time.monotonic() - self._changed_at < patience_s
        return self.report.get("state") != "stopped" and (fresh or changing)

    def _interval_s(self) -> float:
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            given = float(self.report.get("interval_s", DEFAULT_BEAT_INTERVAL_S))
            return given if 0 < given <= LONGEST_BEAT_INTERVAL_S else 0.0
        return 0.0


class Waiting:
    """One request that waits to be answered, and what is known of why it is not yet."""

    def __init__(self, mailbox: Mailbox, correlation_id: str) -> None:
        self._mailbox = mailbox
        self._since = time.monotonic()
        self._next_look_s = FIRST_LOOK_S
        self.correlation_id = correlation_id
        self.pulse = Pulse(mailbox.outbox / f"{HEARTBEAT}.json")

    @property
    def waited_s(self) -> float:
        """Seconds waited so far."""
        return time.monotonic() - self._since

    def look(self) -> bool:
        """Whether the heartbeat was looked at, which it is once a second."""
        if self.waited_s < self._next_look_s:
            return False
        self.pulse.look()
        self._next_look_s = self.waited_s + LOOK_INTERVAL_S
        return True

    def verdict(self) -> NotAnsweredError:
        """Why there is no answer yet."""
        self.pulse.look()
        waited = f"no reply to {self.correlation_id} within {self.waited_s:.1f} s: "
        if lost := self._mailbox.out_of_reach():
            return LostContactError(f"{waited}contact was lost: {lost}", self.correlation_id)
        return self._served(waited) if self.pulse.is_alive else self._abandoned(waited)

    def _abandoned(self, waited: str) -> NotAnsweredError:
        state = "said goodbye" if self.pulse.report.get("state") == "stopped" else "is silent"
        restart = "start `spec-kitty mailbox serve` on the host; the request waits for it"
        if self.pulse.was_alive:
            text = f"{waited}contact was lost: the worker {state}; {restart}"
            return LostContactError(text, self.correlation_id)
        why = f"the last one {state}" if self.pulse.report else "there is no heartbeat"
        text = f"{waited}no worker serves the mailbox: {why}; {restart}"
        return NoWorkerError(text, self.correlation_id)

    def _served(self, waited: str) -> NotAnsweredError:
        position = self._mailbox.position(self.correlation_id)
        text = f"{waited}{self.standing(position)}; wait again"
        if position is None:
            return TakenError(text, self.correlation_id)
        return QueuedError(text, self.correlation_id, position=position)

    def standing(self, position: int | None) -> str:
        """What is known in words, where the request has this position in the inbox."""
        trouble = self.pulse.trouble and f" ({self.pulse.trouble})"
        if position is None:
            return f"the worker has taken it and is at it{trouble}"
        place = f" at position {position}" if position else ""
        return f"it is queued{place}{trouble}"


class Mailbox:
    """The two folders that an orchestrator sees of a host."""

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
        """The request waits in the inbox; its correlation id, minted here unless given.

        Raises:
            FileExistsError: another request waits under this id; nothing was submitted.
            OSError: the inbox cannot be written to; likewise.
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
        self._drop(correlation_id, json.dumps(request).encode())
        return correlation_id

    def wait(
        self, correlation_id: str, *, timeout_s: float = 60.0, on_look: OnLook | None = None
    ) -> dict[str, Any]:
        """The envelope that answers the request of this id.

        `on_look` is called about once a second with what is known meanwhile.

        Raises:
            NoWorkerError, QueuedError, TakenError, LostContactError: it did not come in time.
            BadReplyError, ForbiddenReplyError: something came that is of no use.
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
        """The envelope that answers this request.

        To try again after an error or a crash, call with the same `correlation_id` and the same
        request: it is carried out once.

        Raises:
            OSError: the inbox cannot be written to.
            NotAnsweredError, BadReplyError, ForbiddenReplyError: as for `wait`.
        """
        sent = self.submit(command, args, policy=policy, correlation_id=correlation_id)
        return self.wait(sent, timeout_s=timeout_s)

    def reply_path(self, correlation_id: str) -> Path:
        """Where the reply to the request of this id is, or will be."""
        return self.outbox / f"{correlation_id}.json"

    def reply(self, correlation_id: str) -> dict[str, Any] | None:
        """The envelope that answers the request of this id, or None while there is no whole one.

        Raises:
            BadReplyError, ForbiddenReplyError: there is something that is of no use.
            OSError: the outbox is out of reach.
        """
        path = self.reply_path(correlation_id)
        try:
            data = _read(path, max_bytes=MAX_REPLY_BYTES)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            path.lstat()  # Where the folder refuses too, nobody knows whether there is a reply.
            raise ForbiddenReplyError(
                error.errno, "the reply is there and may not be read", str(path)
            ) from error
        return _envelope(data, path)

    def position(self, correlation_id: str) -> int | None:
        """How many requests, this one included, are to be served until it is; None once taken.

        0 where it waits, and the inbox does not let itself be listed.
        """
        own_name = f"{correlation_id}.json"
        try:
            own = ((self.inbox / own_name).lstat().st_ctime_ns, own_name)
        except OSError:
            return None
        try:
            return 1 + sum(_landed(entry) < own for entry in os.scandir(self.inbox))
        except OSError:
            return 0

    def worker_is_alive(self) -> bool:
        """Whether a worker has lately said that it serves this mailbox."""
        return Pulse(self.outbox / f"{HEARTBEAT}.json").look()

    def out_of_reach(self) -> str:
        """Which of the folders cannot be looked into and why; empty where both can."""
        for folder in (self.outbox, self.inbox):
            try:
                os.stat(f"{folder}/.")  # The dot asks whether one may look inside.
            except OSError as error:
                return f"{folder}: {error.strerror}"
        return ""

    def _reply_in_reach(self, correlation_id: str) -> dict[str, Any] | None:
        try:
            return self.reply(correlation_id)
        except ForbiddenReplyError:
            raise
        except OSError:  # A folder that is gone for a moment comes back, or the verdict names it.
            return None

    def _drop(self, correlation_id: str, data: bytes) -> None:
        target = self.inbox / f"{correlation_id}.json"
        # A rename would silently take the place of a request that waits.
        with contextlib.suppress(FileNotFoundError):
            if not _holds(target, data):
                raise FileExistsError(errno.EEXIST, "another request waits there", str(target))
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


class _Mint:
    """Numbers of 128 bits, each above the ones before: 48 bits of milliseconds, then 80 random ones."""

    def __init__(self) -> None:
        self._minting = threading.Lock()
        self._last = 0

    def number(self) -> int:
        chance = int.from_bytes(os.urandom(10), "big")
        with self._minting:
            number = (time.time_ns() // 1_000_000 << 80) | chance
            # In the same millisecond, or after the clock was set back. A fork goes on from the same
            # number, and thus by chance too.
            self._last = number if number > self._last else self._last + 1 + (chance >> 16)
            return self._last


_mint = _Mint()


def new_correlation_id() -> str:
    """A new ULID: it sorts by the millisecond of its birth, and behind all that this process minted."""
    number = _mint.number()
    return "".join(CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def _holds(path: Path, data: bytes) -> bool:
    """Whether a regular file of just these bytes lies there. Raises: OSError where nothing does."""
    try:
        return _read(path, max_bytes=len(data)) == data
    except BadReplyError:
        return False
    except PermissionError:
        path.lstat()  # Where the folder refuses too, nobody knows whether something waits.
        return False


def _read(path: Path, *, max_bytes: int) -> bytes:
    """The content of the regular file. Raises: OSError, BadReplyError."""
    try:
        descriptor = os.open(path, READ_FLAGS)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):
            raise
        raise BadReplyError(f"{path} is a link or a socket, which no host makes") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BadReplyError(f"{path} is no regular file")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
    finally:
        os.close(descriptor)
    if len(data) > max_bytes:
        raise BadReplyError(f"{path} is larger than {max_bytes} bytes")
    return data


def _envelope(data: bytes, path: Path) -> dict[str, Any] | None:
    """The envelope; None for what a loss of power leaves of a reply, which the host publishes again."""
    if not _is_object(data):
        return None
    try:
        # NaN and Infinity, which JSON does not have, are no `int` and thus refused.
        envelope: Any = json.loads(data, parse_constant=int, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadReplyError(f"{path} is not JSON") from error
    if envelope.get("correlation_id") != path.stem:
        raise BadReplyError(f"{path} is not the envelope that answers {path.stem}")
    if not all(isinstance(envelope.get(name), str) for name in TEXTS):
        raise BadReplyError(f"{path} is no whole envelope, which has {', '.join(TEXTS)}")
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


def _landed(entry: os.DirEntry[str]) -> tuple[float, str]:
    """When the request landed; never, for what is none or is gone meanwhile."""
    if not entry.name.startswith(".") and entry.name.endswith(".json"):
        with contextlib.suppress(OSError):
            return (entry.stat(follow_symlinks=False).st_ctime_ns, entry.name)
    return (float("inf"), "")
