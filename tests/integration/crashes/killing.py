"""Run commands that are killed before one of their changes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

from tests.integration.crashes import mortal
from tests.integration.stage import Stage, environment

Killer = Callable[[int, Sequence[str]], int]


def killer(stage: Stage, *before: str, refusals: bool = False) -> Killer:
    """A function that runs a command, kills it before the given change and returns its exit code.

    `before` precedes the words that start the process, which is the last that the stage started.
    With `refusals` the command may also be refused.
    """
    process = subprocess.Popen(
        [*before, sys.executable, mortal.__file__],
        cwd=stage.root,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    stage.started.append(process)

    def run_until(step: int, words: Sequence[str]) -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([step, *words]).encode() + b"\n")
        process.stdin.flush()
        code = int(process.stdout.readline())
        assert code in (0, -signal.SIGKILL) or (refusals and code == 1), words
        return code

    return run_until
