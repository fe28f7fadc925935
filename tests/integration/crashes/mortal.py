"""Runs commands in the project of the working directory and kills each right before its STEPth change.

An input line is `[STEP, WORDS..]`, the output line is the exit code. Each runs in a fork of this process,
which has loaded the host beforehand. Changes are observed through the
interpreter's audit hooks; those that git makes are not counted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import specify_cli
from specify_cli.cli.main import main

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.truncate", "fcntl.flock", "subprocess.Popen"}
WRITING = os.O_WRONLY | os.O_RDWR
UNUSED = ("specify_cli.__main__", "specify_cli.conformance")


def load() -> None:
    """Load all modules that a command can need."""
    for module in walk_packages(specify_cli.__path__, "specify_cli."):
        if not module.name.startswith(UNUSED):
            import_module(module.name)


def die_at(step: int) -> None:
    """Kill this process before its change of that number, counted from 1."""
    changes = 0

    def count(event: str, args: tuple[Any, ...]) -> None:
        nonlocal changes
        if event in CHANGES or (event == "open" and isinstance(args[2], int) and args[2] & WRITING):
            changes += 1
            if changes == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def run_until(step: int, words: list[str]) -> None:
    """Run the command in this process, which ends with it; its output is discarded."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    sys.argv = ["spec-kitty", *words]
    die_at(step)
    main()


if __name__ == "__main__":
    load()
    for line in sys.stdin:
        step, *words = json.loads(line)
        child = os.fork()
        if child == 0:
            run_until(step, words)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
