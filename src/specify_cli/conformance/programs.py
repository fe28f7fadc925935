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
ENDS_WITHIN_S = 10.0
REAPED_WITHIN_S = 1.0
# Where another project, another repository or another mailbox is named, or another way out.
FOREIGN = ("GIT_", "SPECIFY_", "SPEC_KITTY_")
IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Conformance Kit"), ("EMAIL", "kit@example.invalid"))
}
NOBODYS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}

Completed = subprocess.CompletedProcess[bytes]
Process = subprocess.Popen[bytes]
ProgramFailed = subprocess.SubprocessError


# Those that were started and not waited for yet; whoever gives up early ends them all.
_alive: set[Process] = set()


def run(
    words: Sequence[str],
    *,
    folder: Path,
    timeout_s: float = DEADLINE_S,
    changes: Mapping[str, str] | None = None,
) -> Completed:
    """How the program ended, with all that it printed.

    Raises:
        Nonconformity: it did not end in time.
        OSError: it cannot be started.
    """
    with _begun(words, folder=folder, changes=changes, said=subprocess.PIPE) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise Nonconformity(f"{words[-1]!r}: no end within {timeout_s:g} s") from None
        finally:
            kill(process)
    return subprocess.CompletedProcess(list(words), process.returncode, stdout, stderr)


def start(
    words: Sequence[str], *, folder: Path, log: Path, changes: Mapping[str, str] | None = None
) -> Process:
    """The program has begun; what it says goes to `log`.

    Raises:
        OSError: it cannot be started.
    """
    with log.open("ab") as said:
        return _begun(words, folder=folder, changes=changes, said=said)


def _begun(
    words: Sequence[str],
    *,
    folder: Path,
    changes: Mapping[str, str] | None,
    said: IO[bytes] | int,
) -> Process:
    """The program runs in a session of its own, so that what it starts itself ends with it."""
    process = subprocess.Popen(
        list(words),
        cwd=folder,
        env=environment(changes),
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=said,
        start_new_session=True,
    )
    _alive.add(process)
    return process


def end(process: Process) -> None:
    """The program has ended: asked first, killed when it does not listen."""
    _tell(process, signal.SIGTERM)
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        kill(process)
    _alive.discard(process)


def kill(process: Process) -> None:
    """The program is not there any more, nor what it has started, unless it ended before."""
    _tell(process, signal.SIGKILL)
    process.wait()
    _alive.discard(process)


def kill_all() -> None:
    """No program that was started here is there any more."""
    left = list(_alive)
    for process in left:
        _tell(process, signal.SIGKILL)
    for process in left:
        # Whoever was interrupted while it waited for one goes on waiting: not for ever.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(REAPED_WITHIN_S)


def _tell(process: Process, number: signal.Signals) -> None:
    # Once it was waited for its number may be that of a stranger.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def git(folder: Path, *words: str) -> str:
    """What git says in the folder.

    Raises:
        subprocess.CalledProcessError: it refused.
    """
    done = run(["git", *words], folder=folder)
    done.check_returncode()
    return done.stdout.decode().strip()


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program under test inherits: nobody's configuration, and an identity for its commits."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return inherited | IDENTITY | NOBODYS | dict(changes or {})
