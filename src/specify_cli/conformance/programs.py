"""Programs of others are started here, and git for their scratch projects.

The one place beside `vcs.git` that starts processes: whoever tests a host has to run it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from specify_cli.conformance.findings import Nonconformity

DEADLINE_S = 60.0
STOP_TIMEOUT_S = 10.0
REAP_TIMEOUT_S = 1.0
# Where another project, another repository or another mailbox is named, or another way out.
FOREIGN_VARIABLES = ("GIT_", "SPECIFY_", "SPEC_KITTY_")
IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Conformance Kit"), ("EMAIL", "kit@example.invalid"))
}
NEUTRAL_GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
}

Completed = subprocess.CompletedProcess[bytes]
Process = subprocess.Popen[bytes]
ProgramFailed = subprocess.SubprocessError


# Those that were started and not waited for yet; whoever gives up early ends them all.
_alive: set[Process] = set()


def run(
    argv: Sequence[str],
    *,
    folder: Path,
    timeout_s: float = DEADLINE_S,
    variables: Mapping[str, str] | None = None,
) -> Completed:
    """How the program ended, with all that it printed.

    Raises:
        Nonconformity: it did not end in time.
        OSError: it cannot be started.
    """
    with _spawn(argv, folder=folder, variables=variables, output=subprocess.PIPE) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise Nonconformity(f"{argv[-1]!r}: no end within {timeout_s:g} s") from None
        finally:
            kill(process)
    return subprocess.CompletedProcess(list(argv), process.returncode, stdout, stderr)


def start(
    argv: Sequence[str], *, folder: Path, log: Path, variables: Mapping[str, str] | None = None
) -> Process:
    """The program has begun; what it says goes to `log`.

    Raises:
        OSError: it cannot be started.
    """
    with log.open("ab") as output:
        return _spawn(argv, folder=folder, variables=variables, output=output)


def _spawn(
    argv: Sequence[str],
    *,
    folder: Path,
    variables: Mapping[str, str] | None,
    output: IO[bytes] | int,
) -> Process:
    """The program runs in a session of its own, so that what it starts itself ends with it."""
    process = subprocess.Popen(
        list(argv),
        cwd=folder,
        env=environment(variables),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    _alive.add(process)
    return process


def end(process: Process) -> None:
    """The program has ended: asked first, killed when it does not listen."""
    _signal(process, signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        kill(process)
    _alive.discard(process)


def kill(process: Process) -> None:
    """The program is not there any more, nor what it has started, unless it ended before."""
    _signal(process, signal.SIGKILL)
    process.wait()
    _alive.discard(process)


def kill_all() -> None:
    """No program that was started here is there any more."""
    left = list(_alive)
    for process in left:
        _signal(process, signal.SIGKILL)
    for process in left:
        # Whoever was interrupted while it waited for one goes on waiting: not for ever.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(REAP_TIMEOUT_S)


def _signal(process: Process, number: signal.Signals) -> None:
    # Once it was waited for its number may be that of a stranger.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def git(folder: Path, *argv: str) -> str:
    """What git says in the folder.

    Raises:
        subprocess.CalledProcessError: it refused.
    """
    done = run(["git", *argv], folder=folder)
    done.check_returncode()
    return done.stdout.decode().strip()


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program under test inherits: nobody's configuration, and an identity for its commits."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_VARIABLES)
    }
    return inherited | IDENTITY | NEUTRAL_GIT | dict(variables or {})
