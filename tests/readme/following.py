"""The commands of a document pasted into a shell, one block after the other, and what each of them prints."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.readme.console import NOT_RUN, Block, fits

# They can be in no command and in no output.
BEGUN, ENDED = "\x1e", "\x1f"
SHOWN_HOME = "/home/you"
"""What documents call the folder that they are followed in."""


def assert_shown(document: Iterable[Block], folder: Path, *, within_s: float) -> None:
    """Whoever follows the document in `folder` sees what it shows."""
    run = [it for it in document if not (it.mark or "").startswith(NOT_RUN)]
    printed = follow(run, folder, within_s=within_s)
    for block, (code, output) in zip(run, printed, strict=True):
        told = output.replace(str(folder), SHOWN_HOME)
        assert code == 0, (block.commands, told)
        assert block.shown is None or fits(block.shown, told), (block.commands, told)


def follow(run: Iterable[Block], folder: Path, *, within_s: float) -> list[tuple[int, str]]:
    """The exit code of each block and what it prints, all of them run in one shell in `folder`."""
    beside = str(Path(sys.executable).parent)
    marked = "\n".join(f"printf '{BEGUN}'\n{it.commands}printf '{ENDED}%s' $?" for it in run)
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
    found = re.findall(f"{BEGUN}([^{BEGUN}{ENDED}]*){ENDED}(\\d+)", output)
    return [(int(code), told) for told, code in found]
