"""Starts the programs under test, and git for scratch projects.

Besides `vcs.git` this is the only module that starts processes.
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
# Variables that could select another project, repository, mailbox or output.
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


# Processes that were not reaped yet. `kill_all` ends them when the kit is interrupted.
_alive: set[Process] = set()


def run(
    argv: Sequence[str],
    *,
    folder: Path,
    timeout_s: float = DEADLINE_S,
    variables: Mapping[str, str] | None = None,
) -> Completed:
    """Run the program to its end and return exit code and output.

    Raises:
        Nonconformity: The program did not end in time.
        OSError: The program cannot be started.
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
    """Start the program in the background; its output is appended to `log`.

    Raises:
        OSError: The program cannot be started.
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
    """Start the program in a session of its own, so that its children end with it."""
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
    """Stop the program: SIGTERM first, SIGKILL after `STOP_TIMEOUT_S`."""
    _signal(process, signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        kill(process)
    _alive.discard(process)


def kill(process: Process) -> None:
    """Kill the session of the program, unless the program was reaped before."""
    _signal(process, signal.SIGKILL)
    process.wait()
    _alive.discard(process)


def kill_all() -> None:
    """Kill all programs that were started by this module."""
    left = list(_alive)
    for process in left:
        _signal(process, signal.SIGKILL)
    for process in left:
        # An interrupted thread may hold the lock of `wait`: do not wait for ever.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(REAP_TIMEOUT_S)


def _signal(process: Process, number: signal.Signals) -> None:
    # After the process was reaped, its pid may belong to another process.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def git(folder: Path, *argv: str) -> str:
    """Run git in the folder and return its stripped output.

    Raises:
        subprocess.CalledProcessError: git failed.
    """
    done = run(["git", *argv], folder=folder)
    done.check_returncode()
    return done.stdout.decode().strip()


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a program under test: no git configuration, a fixed identity."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_VARIABLES)
    }
    return inherited | IDENTITY | NEUTRAL_GIT | dict(variables or {})
