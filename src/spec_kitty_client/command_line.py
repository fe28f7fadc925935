"""The command line as a transport: `spec-kitty orchestrator-api`, which needs no worker."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from spec_kitty_client.exchange import Request
from spec_kitty_client.reply_files import parse_envelope
from spec_kitty_client.unanswered import BadReplyError, TakenError, TransportError
from spec_kitty_client.waiting import BLOCKING, Steps, pause_s

FLAGS: Final = {"review_result": "--review-result-json", "evidence": "--evidence-json"}
"""Flags that are not the name of their argument."""
UNSET: Final = frozenset(
    {"SPEC_KITTY_MAILBOX", "SPEC_KITTY_MAILBOX_TIMEOUT_S", "SPECIFY_REPO_ROOT"}
)
"""Variables that would send the request to another host or project."""
LARGEST_EXIT_CODE: Final = 2
"""Largest exit code with which the program prints an envelope."""
LONGEST_COMPLAINT: Final = 500


class CommandLine:
    """Start `spec-kitty orchestrator-api` in a project for each request.

    Args:
        project: The folder of the project.
        program: The program, or the program with its first arguments.
    """

    def __init__(
        self, project: str | os.PathLike[str], program: str | Sequence[str] = "spec-kitty"
    ) -> None:
        self.project = Path(project)
        self.program = (program,) if isinstance(program, str) else tuple(program)

    def exchange(self, request: Request, *, deadline: float) -> Steps:
        """Send a request and wait for its reply, in steps; see `Transport`.

        The program is ended at the deadline, or when the steps are closed. Its request is then carried
        out as a whole or not at all.

        Raises:
            TakenError: The program was still at work at the deadline.
            TransportError: The program cannot be started, or was ended by a signal.
            BadReplyError: The program printed something other than an envelope.
        """
        yield BLOCKING
        with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as said:
            with self._started(request, printed, said) as process:
                since = time.monotonic()
                while process.poll() is None:
                    if time.monotonic() >= deadline:
                        raise TakenError(_overdue(request), request.correlation_id)
                    yield pause_s(time.monotonic() - since, deadline=deadline)
            return self._envelope(request, process.returncode, _content(printed), _content(said))

    @contextlib.contextmanager
    def _started(
        self, request: Request, printed: IO[bytes], said: IO[bytes]
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start the program; end it if it is still at work at the end."""
        try:
            process = subprocess.Popen(
                [*self.program, *arguments(request)],
                cwd=self.project,
                env={name: value for name, value in os.environ.items() if name not in UNSET},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=said,
            )
        except OSError as error:
            raise TransportError(self._not_started(error), is_temporary=False) from error
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    def _not_started(self, error: OSError) -> str:
        if not self.project.is_dir():
            return f"{self.project} is not a folder: give the folder of a project"
        return (
            f"{self.program[0]} cannot be started: {error.strerror}; install spec-kitty, or name the"
            " program: CommandLine(project, program=...)"
        )

    def _envelope(
        self, request: Request, exit_code: int, printed: bytes, said: bytes
    ) -> dict[str, Any]:
        complaint = said.decode(errors="replace").strip()[-LONGEST_COMPLAINT:]
        what = f"{self.program[0]} printed no reply, and ended with exit code {exit_code}" + (
            f": {complaint}" if complaint else ""
        )
        if not 0 <= exit_code <= LARGEST_EXIT_CODE:
            raise TransportError(what, is_temporary=True)
        envelope = parse_envelope(printed, source=f"the output of {self.program[0]}")
        if envelope is None:
            raise BadReplyError(f"{what}: is it spec-kitty?")
        if request.changes_state and envelope["correlation_id"] != request.correlation_id:
            raise BadReplyError(f"{self.program[0]} answered a different request")
        return envelope


def arguments(request: Request) -> list[str]:
    """Return the arguments of the program for this request."""
    found = ["orchestrator-api", request.command]
    for name, value in request.args.items():
        flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
        if isinstance(value, bool):
            found += [flag] if value else _negation(name)
        elif isinstance(value, list):
            found += [f"{flag}={it}" for it in value]
        else:
            text = json.dumps(value) if isinstance(value, Mapping) else str(value)
            found.append(f"{flag}={text}")
    if request.policy is not None:
        found.append(f"--policy={json.dumps(request.policy)}")
    if request.changes_state:
        found.append(f"--correlation-id={request.correlation_id}")
    return found


def _negation(name: str) -> list[str]:
    """Return the flag that sets an argument to False; none if False is its default."""
    return [] if name in ("force", "push") else [f"--no-{name.replace('_', '-')}"]


def _overdue(request: Request) -> str:
    under = f" under the id {request.correlation_id}" if request.changes_state else ""
    return (
        f"{request.command} was not answered in time, and its program was ended: send the same request"
        f" again{under}"
    )


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
