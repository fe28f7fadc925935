"""The two folders of a mailbox: write a request file, read a reply file."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from collections.abc import Callable, Mapping

from spec_kitty_client.heartbeat import HEARTBEAT, WorkerHeartbeat
from spec_kitty_client.reply_files import parse_envelope, read_regular_file
from spec_kitty_client.unanswered import BadReplyError, ForbiddenReplyError, TransportError
from spec_kitty_client.waiting import BLOCKING, PendingRequest, pause_s, run, until_served

# Loaded where they are needed, because the command line loads this module at each call: `typing`, pathlib, threads.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, TypeAlias

    from spec_kitty_client.exchange import Request
    from spec_kitty_client.waiting import Steps

    OnLook: TypeAlias = Callable[[PendingRequest], None]

# The version that requests are written for: hosts of this and of all later minor versions serve them.
CONTRACT_VERSION = "1.3.0"
MAX_REPLY_BYTES = 64 * 1024 * 1024
# Errors of a full or failing disk, which may pass.
TEMPORARY = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EAGAIN, errno.EMFILE, errno.ENFILE}
)


class Mailbox:
    """The two folders of a host's mailbox."""

    def __init__(self, inbox: str | os.PathLike[str], outbox: str | os.PathLike[str]) -> None:
        self._inbox = os.fspath(inbox)
        self._outbox = os.fspath(outbox)

    @property
    def inbox(self) -> Path:
        """The folder that requests are written to."""
        from pathlib import Path

        return Path(self._inbox)

    @property
    def outbox(self) -> Path:
        """The folder that replies are read from."""
        from pathlib import Path

        return Path(self._outbox)

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
        correlation_id = correlation_id or _new_id()
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

        It waits until the time is over even if no worker runs, because one may be started.
        `on_look` is called about once a second with the state of the request.

        Raises:
            NoWorkerError, QueuedError, TakenError, LostContactError: no reply arrived in time.
            BadReplyError: the reply is not a valid envelope.
            ForbiddenReplyError: the reply cannot be read.
        """
        deadline = time.monotonic() + timeout_s
        return run(self._await(correlation_id, deadline=deadline, on_look=on_look))

    def exchange(self, request: Request, *, deadline: float) -> Steps:
        """Send a request and wait for its reply, in steps; see `Transport`.

        A reply that exists already under the id is returned without sending anything.

        Raises:
            NoWorkerError: No worker serves the mailbox; nothing was sent.
            LostContactError: The worker missed three beats before the deadline, and did not answer.
            TransportError: The request could not be written; nothing was sent.
            FileExistsError: Another request with this id waits; nothing was sent.
            NotAnsweredError, BadReplyError, ForbiddenReplyError: As for `wait`.
        """
        if lost := self.out_of_reach():
            raise TransportError(f"the mailbox cannot be accessed: {lost}", is_temporary=False)
        if (known := self.reply(request.correlation_id)) is not None:
            return known
        yield from until_served(self, request.correlation_id, deadline=deadline)
        yield BLOCKING
        self._send(request)
        on_look = PendingRequest.need_worker
        return (yield from self._await(request.correlation_id, deadline=deadline, on_look=on_look))

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
        return self.outbox / _name(correlation_id)

    def reply(self, correlation_id: str) -> dict[str, Any] | None:
        """Return the envelope that answers the request with this id, or None if there is none yet.

        Raises:
            BadReplyError: the reply is not a valid envelope.
            ForbiddenReplyError: the reply cannot be read.
            OSError: the outbox cannot be accessed.
        """
        path = os.path.join(self._outbox, _name(correlation_id))
        try:
            data = read_regular_file(path, max_bytes=MAX_REPLY_BYTES)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            os.lstat(path)  # Raises if the folder cannot be accessed either.
            raise ForbiddenReplyError(
                error.errno, "the reply exists but cannot be read", path
            ) from error
        envelope = parse_envelope(data, source=path)
        if envelope is not None and envelope["correlation_id"] != correlation_id:
            raise BadReplyError(f"{path} is not the envelope that answers {correlation_id}")
        return envelope

    def position(self, correlation_id: str) -> int | None:
        """Return the position of the request in the inbox, from 1.

        Returns:
            None if the worker has taken it; 0 if it waits but the inbox cannot be listed.
        """
        name = _name(correlation_id)
        try:
            own = (os.lstat(os.path.join(self._inbox, name)).st_ctime_ns, name)
        except OSError:
            return None
        try:
            return 1 + sum(_sort_key(entry) < own for entry in os.scandir(self._inbox))
        except OSError:
            return 0

    def heartbeat(self) -> WorkerHeartbeat:
        """Return the heartbeat of the worker that serves this mailbox."""
        return WorkerHeartbeat(os.path.join(self._outbox, _name(HEARTBEAT)))

    def worker_is_alive(self) -> bool:
        """Return whether a worker serves this mailbox, by its heartbeat."""
        return self.heartbeat().look()

    def out_of_reach(self) -> str:
        """Return the folder that cannot be accessed, with the reason; empty if both can."""
        for folder in (self._outbox, self._inbox):
            try:
                os.stat(f"{folder}/.")  # The dot checks the permission to enter the folder.
            except OSError as error:
                return f"{folder}: {error.strerror}"
        return ""

    def _send(self, request: Request) -> None:
        try:
            self.submit(
                request.command,
                request.args,
                policy=request.policy,
                correlation_id=request.correlation_id,
            )
        except FileExistsError:
            raise
        except OSError as error:
            raise TransportError(
                f"the request could not be written into {self._inbox}: {error.strerror}; nothing was"
                " sent: send it again when the folder is writable",
                is_temporary=error.errno in TEMPORARY,
            ) from error

    def _await(
        self, correlation_id: str, *, deadline: float, on_look: OnLook | None = None
    ) -> Steps:
        request = PendingRequest(self, correlation_id)
        while (reply := self._reply_in_reach(correlation_id)) is None:
            if time.monotonic() >= deadline:
                raise request.verdict()
            if request.look() and on_look is not None:
                on_look(request)
            yield pause_s(request.waited_s, deadline=deadline)
        return reply

    def _reply_in_reach(self, correlation_id: str) -> dict[str, Any] | None:
        try:
            return self.reply(correlation_id)
        except ForbiddenReplyError:
            raise
        except OSError:  # The folder may come back. Otherwise `verdict` names it.
            return None

    def _write(self, correlation_id: str, data: bytes) -> None:
        target = os.path.join(self._inbox, _name(correlation_id))
        # A rename would silently replace a waiting request.
        with contextlib.suppress(FileNotFoundError):
            if not _holds(target, data):
                raise FileExistsError(errno.EEXIST, "another request with this id waits", target)
        temporary = os.path.join(self._inbox, f".{correlation_id}.{os.urandom(4).hex()}.tmp")
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _new_id() -> str:
    from spec_kitty_client.ids import new_correlation_id

    return new_correlation_id()


def _name(correlation_id: str) -> str:
    """Return the file name of a request and of its reply."""
    return f"{correlation_id}.json"


def _holds(path: str, data: bytes) -> bool:
    """Return whether the path is a regular file with exactly this content.

    Raises:
        OSError: there is no file, or it cannot be accessed.
    """
    try:
        return read_regular_file(path, max_bytes=len(data)) == data
    except BadReplyError:
        return False
    except PermissionError:
        os.lstat(path)  # Raises if the folder cannot be accessed either.
        return False


def _sort_key(entry: os.DirEntry[str]) -> tuple[float, str]:
    """Return the sort key of a request; infinity for other entries and for those that are gone."""
    if not entry.name.startswith(".") and entry.name.endswith(".json"):
        with contextlib.suppress(OSError):
            return (entry.stat(follow_symlinks=False).st_ctime_ns, entry.name)
    return (float("inf"), "")
