"""`spec-kitty orchestrator-api ... --mailbox DIR`: the same answers, from a host behind two folders.

Only the standard library is loaded on the way to an answer: this is started thousands of times.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from specify_cli import errors
from specify_cli.cli.api_line import Line
from specify_cli.cli.reply import INTERRUPTED, give
from specify_cli.mailbox.client import (
    HEARTBEAT,
    BadReplyError,
    ForbiddenReplyError,
    Mailbox,
    NotAnsweredError,
    Waiting,
)
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
    """The caller does not want to wait any longer; the request stays valid."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def run(line: Line) -> int:
    """Answer the line through the mailbox that it or the environment names; the exit code."""
    try:
        return give(answer(line))
    except Stopped as stopped:
        return stopped.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


def is_wanted(flag: str | None) -> bool:
    """Whether a mailbox was named."""
    return flag is not None or bool(os.environ.get(MAILBOX_VARIABLE))


def answer(line: Line) -> Envelope:
    """The host's envelope, or one that says why there is none.

    Raises: Stopped by Ctrl-C or SIGTERM, after stderr was told how to collect the answer.
    """
    correlation_id = line.given_id or f"corr-{os.urandom(16).hex()}"
    try:
        return Call(line, correlation_id).answer()
    except errors.SpecKittyError as error:
        from specify_cli.orchestrator_api import envelope

        return envelope.refused(_wire_name(line), correlation_id, error)


class Call:
    """One request on its way through a mailbox, and back."""

    def __init__(self, line: Line, correlation_id: str) -> None:
        self._line = line
        self._id = correlation_id
        self._timeout_s = _timeout_s(line.timeout_s)
        self._mailbox = _mailbox(line.mailbox)
        self._deadline = time.time() + self._timeout_s
        self._is_sent = False
        self._was_warned = False
        self._next_progress_s = PROGRESS_EVERY_S
        if correlation_id.lower() == HEARTBEAT:
            raise errors.UsageError(
                f"--correlation-id: {correlation_id!r} is the name of the heartbeat; send another"
            )

    def answer(self) -> Envelope:
        """The host's envelope. Raises: SpecKittyError when there is none, Stopped."""
        with _ended_by_signals():
            try:
                self._submit()
                return self._is_ours(self._wait())
            except (KeyboardInterrupt, Stopped) as stop:
                sent = "; the request stays valid" if self._is_sent else " while asking"
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
                f"another request waits under the id {self._id}: {error.filename}; send a new one"
            ) from error
        except OSError as error:
            raise errors.StorageFailed(
                f"the request could not be written into {self._mailbox.inbox}: {error.strerror};"
                " nothing was asked, ask again once the folder takes files"
            ) from error
        self._is_sent = True

    def _wait(self) -> Envelope:
        try:
            return self._mailbox.wait(self._id, timeout_s=self._timeout_s, on_look=self._look)
        except NotAnsweredError as error:
            text = f"{error}; it stays valid: {self._how_to_collect()}"
            raise errors.StorageFailed(text, reason=error.reason) from error
        except BadReplyError as error:
            raise errors.HostError(f"{error}: ask the operator what serves this mailbox") from error
        except ForbiddenReplyError as error:
            raise errors.StorageFailed(
                f"the reply {error.filename} is there and may not be read: let the host's operator"
                f" give its owner, or all, the right to read; then: {self._how_to_collect()}"
            ) from error

    def _is_ours(self, reply: Envelope) -> Envelope:
        """The reply, unless it answers another request that had the id before."""
        if reply.get("command") in (_wire_name(self._line), "orchestrator-api.unknown"):
            return reply
        raise errors.CorrelationIdConflict(
            f"the id {self._id} was used before by another request; send a new one"
        )

    def _look(self, waiting: Waiting) -> None:
        """People are told what they are waiting for, before the time is over."""
        pulse = waiting.heartbeat
        if waiting.waited_s >= SILENT_FOR_S and not self._was_warned:
            until = time.strftime("%H:%M:%S UTC", time.gmtime(self._deadline))
            if pulse.trouble or not pulse.is_alive:
                self._was_warned = True
                what = pulse.trouble or f"no worker serves {self._mailbox.outbox}"
                _say(f"{what}; waiting until {until}")
        if waiting.waited_s >= self._next_progress_s and sys.stderr.isatty():
            self._next_progress_s = waiting.waited_s + PROGRESS_EVERY_S
            _say(f"{waiting.waited_s:.0f} s: {waiting.standing(self._mailbox.position(self._id))}")

    def _how_to_collect(self) -> str:
        where = f"its answer will be in {self._mailbox.reply_path(self._id).absolute()}"
        if not self._line.changes_state:
            return f"{where}, or ask again"
        return f"{where}, or give the same command again with --correlation-id {self._id}"


def _wire_name(line: Line) -> str:
    return f"orchestrator-api.{line.command}"


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        print(f"spec-kitty: {printable(text)}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM ends the waiting as Ctrl-C does, where nobody else has a say in it."""
    is_ours = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    with contextlib.suppress(ValueError):  # In another thread, signals are not ours.
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


def _timeout_s(flag: str | None) -> float:
    source, text = "--timeout-s", flag
    if text is None:
        source, text = TIMEOUT_VARIABLE, os.environ.get(TIMEOUT_VARIABLE) or None
    if text is None:
        return DEFAULT_TIMEOUT_S
    with contextlib.suppress(ValueError):
        if 0 <= float(text) <= LONGEST_TIMEOUT_S:
            return float(text)
    from specify_cli import credentials

    raise errors.UsageError(
        f"{source}: {credentials.quoted(text)} is no number of seconds, such as 300"
    )


def _mailbox(flag: str | None) -> Mailbox:
    """The mailbox that was named, which can be used. Raises: UsageError, StorageFailed."""
    source = "--mailbox" if flag is not None else MAILBOX_VARIABLE
    text = os.environ.get(MAILBOX_VARIABLE, "") if flag is None else flag
    inbox, outbox = folders(text, source=source)
    for folder in (inbox, outbox):
        _check_folder(folder, source=source)
    if not os.access(inbox, os.W_OK | os.X_OK):
        raise errors.StorageFailed(
            f"{source}: {inbox} cannot be written to from here: mount it writable, and let"
            f" uid {os.getuid()} write to it"
        )
    if not os.access(outbox, os.X_OK):
        raise errors.StorageFailed(
            f"{source}: {outbox} cannot be read from here: let uid {os.getuid()} read it"
        )
    return Mailbox(inbox, outbox)


def folders(text: str, *, source: str) -> tuple[Path, Path]:
    """Inbox and outbox that DIR or INBOX:OUTBOX names. Raises: UsageError."""
    first, separator, second = text.partition(os.pathsep)
    if separator and not Path(text).is_dir():
        if first and second and os.pathsep not in second:
            return Path(first), Path(second)
    elif text:
        return Path(text, "inbox"), Path(text, "outbox")
    from specify_cli import credentials

    raise errors.UsageError(
        f"{source}: {credentials.quoted(text, limit=200)} names no mailbox: give the folder that holds inbox and outbox,"
        f" or INBOX{os.pathsep}OUTBOX"
    )


def _check_folder(folder: Path, *, source: str) -> None:
    problem = "is no folder"
    try:
        if folder.is_dir():
            return
        folder.stat()
    except FileNotFoundError:
        problem = "is not there"
    except OSError as error:
        problem = f"cannot be looked at ({error.strerror})"
    except ValueError:
        problem = "is no path"
    from specify_cli import credentials

    raise errors.UsageError(
        f"{source}: {credentials.quoted(str(folder), limit=200)} {problem}: give the folder that holds inbox and outbox,"
        f" or INBOX{os.pathsep}OUTBOX"
    )
