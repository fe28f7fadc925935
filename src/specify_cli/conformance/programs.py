"""Programs of others are started here, and git for their scratch projects.

The one place beside `vcs.git` that starts processes: whoever tests a host has to run it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from specify_cli.conformance.findings import Nonconformity

DEADLINE_S = 60.0
ENDS_WITHIN_S = 10.0
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
    try:
        return subprocess.run(
            list(words),
            cwd=folder,
            env=environment(changes),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        raise Nonconformity(f"{words[-1]!r}: no end within {timeout_s:g} s") from None


def start(
    words: Sequence[str], *, folder: Path, log: Path, changes: Mapping[str, str] | None = None
) -> Process:
    """The program has begun; what it says goes to `log`.

    Raises:
        OSError: it cannot be started.
    """
    with log.open("ab") as said:
        return subprocess.Popen(
            list(words),
            cwd=folder,
            env=environment(changes),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )


def end(process: Process) -> None:
    """The program has ended: asked first, killed when it does not listen."""
    process.terminate()
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


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
