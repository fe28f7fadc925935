"""`spec-kitty orchestrator-api ... --mailbox DIR`: send the request through a mailbox.

It imports only the standard library, because orchestrators start it thousands of times.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator

from spec_kitty_client.heartbeat import HEARTBEAT
from spec_kitty_client.mailbox import Mailbox
from spec_kitty_client.unanswered import BadReplyError, ForbiddenReplyError, NotAnsweredError
from spec_kitty_client.waiting import PendingRequest
from specify_cli import errors
from specify_cli.cli.api_line import Line
from specify_cli.cli.reply import INTERRUPTED, give
from specify_cli.mailbox.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself is slow to load.
    from typing import Any

    Envelope = dict[str, Any]

MAILBOX_VARIABLE = "SPEC_KITTY_MAILBOX"
TIMEOUT_VARIABLE = "SPEC_KITTY_MAILBOX_TIMEOUT_S"
DEFAULT_TIMEOUT_S = 300.0
LONGEST_TIMEOUT_S = 366 * 86_400.0
SILENT_FOR_S = 2.0
PROGRESS_EVERY_S = 5.0
TERMINATED = 143


class Stopped(BaseException):
    """A signal ended the wait; the request stays valid."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def run(line: Line) -> int:
    """Send the request through the mailbox, print the reply, and return the exit code."""
    try:
        return give(answer(line))
    except Stopped as stopped:
        return stopped.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


def is_wanted(flag: str | None) -> bool:
    """Return whether the flag or the environment names a mailbox."""
    return flag is not None or bool(os.environ.get(MAILBOX_VARIABLE))


def answer(line: Line) -> Envelope:
    """Return the host's envelope, or an envelope with the reason why there is none.

    Raises:
        Stopped: Ctrl-C or SIGTERM ended the wait. Stderr says how to collect the reply.
    """
    correlation_id = line.given_id or f"corr-{os.urandom(16).hex()}"
    try:
        return Call(line, correlation_id).answer()
    except errors.SpecKittyError as error:
        from specify_cli.orchestrator_api import envelope

        return envelope.refused(_wire_name(line), correlation_id, error)


class Call:
    """One request through a mailbox, and its reply."""

    def __init__(self, line: Line, correlation_id: str) -> None:
        self._line = line
        self._id = correlation_id
        # A read may wait for a change.
        self._timeout_s = _timeout_s(line.timeout_s, waits_s=line.args.get("wait_s"))
        self._mailbox = _mailbox(line.mailbox)
        self._deadline = time.time() + self._timeout_s
        self._is_sent = False
        self._was_warned = False
        self._next_progress_s = PROGRESS_EVERY_S
        if correlation_id.lower() == HEARTBEAT:
            raise errors.UsageError(
                f"--correlation-id: {correlation_id!r} is reserved for the heartbeat; use another id"
            )

    def answer(self) -> Envelope:
        """Return the host's envelope.

        Raises:
            SpecKittyError: There is no reply.
            Stopped: A signal ended the wait.
        """
        with _ended_by_signals():
            try:
                self._submit()
                return self._is_ours(self._wait())
            except (KeyboardInterrupt, Stopped) as stop:
                sent = (
                    "; the request stays valid" if self._is_sent else " before the request was sent"
                )
                _say(f"interrupted{sent}: {self._how_to_collect()}")
                code = stop.exit_code if isinstance(stop, Stopped) else INTERRUPTED
                raise Stopped(code) from stop

    def _submit(self) -> None:
        line = self._line
        try:
            self._mailbox.submit(
                line.command, line.args, policy=line.policy, correlation_id=self._id
            )
        except FileExistsError as error:
            raise errors.CorrelationIdConflict(
                f"another request with the id {self._id} is waiting: {error.filename}; use a new id"
            ) from error
        except OSError as error:
            raise errors.StorageFailed(
                f"the request could not be written into {self._mailbox.inbox}: {error.strerror};"
                " nothing was sent; run the command again when the folder is writable"
            ) from error
        self._is_sent = True

    def _wait(self) -> Envelope:
        try:
            return self._mailbox.wait(self._id, timeout_s=self._timeout_s, on_look=self._look)
        except NotAnsweredError as error:
            text = f"{error}; it stays valid: {self._how_to_collect()}"
            raise errors.StorageFailed(text, reason=error.reason) from error
        except BadReplyError as error:
            raise errors.HostError(
                f"{error}: ask the operator which program serves this mailbox"
            ) from error
        except ForbiddenReplyError as error:
            raise errors.StorageFailed(
                f"the reply {error.filename} exists but is not readable: ask the host's operator for"
                f" read permission; then: {self._how_to_collect()}"
            ) from error

    def _is_ours(self, reply: Envelope) -> Envelope:
        """Return the reply, unless it answers an earlier request with the same id."""
        if reply.get("command") in (_wire_name(self._line), "orchestrator-api.unknown"):
            return reply
        raise errors.CorrelationIdConflict(
            f"the id {self._id} was used by another request; use a new id"
        )

    def _look(self, request: PendingRequest) -> None:
        """Report progress, and the reason of a long wait, on stderr."""
        pulse = request.heartbeat
        if request.waited_s >= SILENT_FOR_S and not self._was_warned:
            until = time.strftime("%H:%M:%S UTC", time.gmtime(self._deadline))
            if pulse.trouble or not pulse.is_alive:
                self._was_warned = True
                what = pulse.trouble or f"no worker serves {self._mailbox.outbox}"
                _say(f"{what}; waiting until {until}")
        if request.waited_s >= self._next_progress_s and sys.stderr.isatty():
            self._next_progress_s = request.waited_s + PROGRESS_EVERY_S
            _say(f"{request.waited_s:.0f} s: {request.standing(self._mailbox.position(self._id))}")

    def _how_to_collect(self) -> str:
        where = f"its answer will be in {self._mailbox.reply_path(self._id).absolute()}"
        if not self._line.changes_state:
            return f"{where}, or run the command again"
        return f"{where}, or run the same command again with --correlation-id {self._id}"


def _wire_name(line: Line) -> str:
    return f"orchestrator-api.{line.command}"


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        print(f"spec-kitty: {printable(text)}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """End the wait on SIGTERM as on Ctrl-C, unless another handler is installed."""
    is_ours = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with contextlib.suppress(ValueError):  # Only the main thread can set a handler.
        if is_ours:
            signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            if is_ours:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _stop(*_: object) -> None:
    raise Stopped(TERMINATED)


def _timeout_s(flag: str | None, *, waits_s: object = None) -> float:
    source, text = "--timeout-s", flag
    if text is None:
        source, text = TIMEOUT_VARIABLE, os.environ.get(TIMEOUT_VARIABLE) or None
    if text is None:
        return DEFAULT_TIMEOUT_S + (waits_s if isinstance(waits_s, int) else 0)
    with contextlib.suppress(ValueError):
        if 0 <= float(text) <= LONGEST_TIMEOUT_S:
            return float(text)
    from specify_cli import credentials

    raise errors.UsageError(
        f"{source}: {credentials.quoted(text)} is not a number of seconds, such as 300"
    )


def _mailbox(flag: str | None) -> Mailbox:
    """Return the named mailbox."""
    source = "--mailbox" if flag is not None else MAILBOX_VARIABLE
    text = os.environ.get(MAILBOX_VARIABLE, "") if flag is None else flag
    inbox, outbox = folders(text, source=source)
    for folder in (inbox, outbox):
        _check_folder(folder, source=source)
    if not os.access(inbox, os.W_OK | os.X_OK):
        raise errors.StorageFailed(
            f"{source}: {inbox} is not writable here: mount it writable, and give uid {os.getuid()}"
            " write permission"
        )
    if not os.access(outbox, os.X_OK):
        raise errors.StorageFailed(
            f"{source}: {outbox} is not readable here: give uid {os.getuid()} read permission"
        )
    return Mailbox(inbox, outbox)


def folders(text: str, *, source: str) -> tuple[str, str]:
    """Return the inbox and outbox that DIR or INBOX:OUTBOX names.

    Raises:
        UsageError: It names none.
    """
    first, separator, second = text.partition(os.pathsep)
    if separator and not os.path.isdir(text):
        if first and second and os.pathsep not in second:
            return first, second
    elif text:
        return os.path.join(text, "inbox"), os.path.join(text, "outbox")
    from specify_cli import credentials

    raise errors.UsageError(
        f"{source}: {credentials.quoted(text, limit=200)} does not name a mailbox: give the folder that holds inbox and outbox,"
        f" or INBOX{os.pathsep}OUTBOX"
    )


def _check_folder(folder: str, *, source: str) -> None:
    problem = "is not a folder"
    try:
        if os.path.isdir(folder):
            return
        os.stat(folder)  # Raises the reason.
    except FileNotFoundError:
        problem = "does not exist"
    except OSError as error:
        problem = f"is not accessible ({error.strerror})"
    except ValueError:
        problem = "is not a valid path"
    from specify_cli import credentials

    raise errors.UsageError(
        f"{source}: {credentials.quoted(folder, limit=200)} {problem}: give the folder that holds inbox and outbox,"
        f" or INBOX{os.pathsep}OUTBOX"
    )
