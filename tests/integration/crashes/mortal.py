"""`mortal.py STEP WORDS..`: the command line, killed right before its STEPth change of a file.

Every change that Python makes is announced to the interpreter's audit hooks; git's own are not.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from specify_cli.cli.main import main

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.truncate", "fcntl.flock", "subprocess.Popen"}
WRITING = os.O_WRONLY | os.O_RDWR


def die_at(step: int) -> None:
    """This process is killed before its change of that number, counted from 1."""
    changes = 0

    def count(event: str, args: tuple[Any, ...]) -> None:
        nonlocal changes
        if event in CHANGES or (event == "open" and isinstance(args[2], int) and args[2] & WRITING):
            changes += 1
            if changes == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


if __name__ == "__main__":
    step = int(sys.argv.pop(1))
    sys.argv[0] = "spec-kitty"
    die_at(step)
    main()
