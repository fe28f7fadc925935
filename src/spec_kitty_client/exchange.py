"""Send a request through a transport, repeat it if that helps, and return the envelope of the success."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from spec_kitty_client.contract import CHANGES, Command
from spec_kitty_client.ids import new_correlation_id
from spec_kitty_client.refusals import StorageFailed, refusal
from spec_kitty_client.refused import Refused
from spec_kitty_client.unanswered import LostContactError, NoWorkerError, TransportError
from spec_kitty_client.waiting import BLOCKING, Steps


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as a transport sends it."""

    command: Command
    args: Mapping[str, Any]
    policy: Mapping[str, Any] | None = None
    correlation_id: str
    is_id_of_caller: bool = False
    """Whether the caller chose the id, so that the request is never sent under another one."""

    @property
    def changes_state(self) -> bool:
        """Whether the command changes something."""
        return self.command in CHANGES


class Transport(Protocol):
    """A way to the host: `Mailbox` or `CommandLine`."""

    def exchange(self, request: Request, *, deadline: float) -> Steps:
        """Send a request and wait for its reply, in steps.

        A generator that yields the seconds to pause before its next step, and returns the envelope. It
        yields 0 before a step that can take longer than an event loop should wait.

        Args:
            deadline: Time of `time.monotonic` after which `NotAnsweredError` is raised.
        """
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When a request is sent again, and after which pauses. The deadline of the call limits it as well.

    After a failure of the transport, and if the worker disappears, the request is sent again under the
    same id, so that it is carried out once. A refusal is final for its id: the request is sent again under a new id, unless the caller
    chose the id.
    """

    attempts: int = 6
    """The most times that a request is sent; 1: it is never repeated."""
    first_pause_s: float = 0.2
    """Seconds before the second attempt. Each further pause is twice as long; a quarter of it is random."""
    longest_pause_s: float = 5.0
    codes: frozenset[str] = frozenset({"STORAGE_FAILED"})
    """Error codes after which a request is repeated. Others that are `retryable` depend on the work of
    others, such as `DEPENDENCIES_NOT_SATISFIED`: let your orchestrator decide when to ask again."""

    def pauses(self) -> Iterator[float]:
        """Yield the seconds before each further attempt."""
        for attempt in range(self.attempts - 1):
            pause_s = min(self.first_pause_s * 2**attempt, self.longest_pause_s)
            yield pause_s * random.uniform(0.75, 1)

    def covers(self, refused: Refused) -> bool:
        """Whether the request is sent again after this refusal."""
        is_used_up = isinstance(refused, StorageFailed) and refused.takes_more_at is not None
        return refused.retryable and refused.code in self.codes and not is_used_up


DEFAULT_RETRY: Final = Retry()


def succeeded(transport: Transport, request: Request, *, deadline: float, retry: Retry) -> Steps:
    """Send the request until it succeeds or no attempt is left, in steps; return the envelope.

    Raises:
        Refused: The host refused it.
        TransportError, NotAnsweredError, BadReplyError, ForbiddenReplyError: There is no reply.
    """
    pauses = retry.pauses()
    failure: Exception | None = None
    while True:
        try:
            envelope = yield from _answered(transport, request, deadline)
            if envelope["success"]:
                return envelope
            failure = refusal(envelope)
            # Such an answer comes from a client in between: the request is still valid.
            is_final = not (isinstance(failure, StorageFailed) and failure.reason)
            if not retry.covers(failure) or (is_final and request.is_id_of_caller):
                raise failure
            if is_final:
                request = dataclasses.replace(request, correlation_id=new_correlation_id())
        except (TransportError, LostContactError, NoWorkerError) as error:
            failure = _temporary(error, before=failure)
        pause_s = next(pauses, None)
        if pause_s is None or time.monotonic() + pause_s >= deadline:
            raise failure
        yield pause_s


def _temporary(error: Exception, *, before: Exception | None) -> Exception:
    """Return the failure after which the request is sent again, given the one before; else raise the error."""
    if isinstance(error, LostContactError):
        return error
    if isinstance(before, LostContactError):
        return before  # The error says that nothing was sent. This time, that is true; before, it was not.
    if isinstance(error, TransportError) and error.is_temporary:
        return error
    raise error


def _answered(transport: Transport, request: Request, deadline: float) -> Steps:
    """Return the envelope, unless it answers another request under the same id."""
    known = ""
    try:
        envelope = yield from transport.exchange(request, deadline=deadline)
        if envelope["command"] in (
            f"orchestrator-api.{request.command}",
            "orchestrator-api.unknown",
        ):
            return envelope
        known = f"{envelope['command']} has this id"
    except FileExistsError as error:
        known = f"another request with this id waits: {error.filename}"
    data = {"message": f"{known}; use a new id", "retryable": False}
    return {
        "command": f"orchestrator-api.{request.command}",
        "correlation_id": request.correlation_id,
        "success": False,
        "error_code": "CORRELATION_ID_CONFLICT",
        "data": data,
    }


async def run_async(steps: Steps) -> dict[str, Any]:
    """Take all steps in the running event loop, those that block in a thread; return the envelope."""
    pause_s, envelope = await _in_thread(steps)
    try:
        while envelope is None:
            if pause_s == BLOCKING:
                pause_s, envelope = await _in_thread(steps)
            else:
                await asyncio.sleep(pause_s)
                pause_s, envelope = _step(steps)
        return envelope
    finally:
        _close(steps)


async def _in_thread(steps: Steps) -> tuple[float, dict[str, Any] | None]:
    step = asyncio.ensure_future(asyncio.to_thread(_step, steps))

    def close(_: object) -> None:
        if not step.cancelled():
            step.exception()  # Nobody waits for it any more.
        _close(steps)

    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        step.add_done_callback(close)
        raise


def _close(steps: Steps) -> None:
    with contextlib.suppress(
        ValueError
    ):  # A thread is at work in it, and closes it when it is done.
        steps.close()


def _step(steps: Steps) -> tuple[float, dict[str, Any] | None]:
    """Take a step; return the seconds before the next one, or the envelope after the last one."""
    try:
        return next(steps), None
    except StopIteration as end:
        return BLOCKING, end.value
