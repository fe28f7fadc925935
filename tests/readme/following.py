"""The commands of a text typed into a shell, one after the other, and what each of them prints."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.readme.console import Step

# It can be in no command and in no output.
MARK = "\x1e"


def follow(commands: Iterable[Step], folder: Path, *, within_s: float) -> list[str]:
    """What each command prints, all of them run in one shell, which begins in `folder`."""
    beside = str(Path(sys.executable).parent)
    marked = "\n".join(f"printf '{MARK}'\n{step.command}" for step in commands)
    with subprocess.Popen(
        ["sh", "-c", marked],
        cwd=folder,
        env=os.environ | {"PATH": f"{beside}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            output, _ = shell.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            raise
    return output.split(MARK)[1:]
