"""Paste the commands of a document into a shell, one block after the other, and check what each prints."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.readme.console import NOT_RUN, Block, fits

# Separators that no command and no output contains.
BEGUN, ENDED = "\x1e", "\x1f"
SHOWN_HOME = "/home/you"
"""The name that documents give to the folder in which they are followed."""


def assert_shown(document: Iterable[Block], folder: Path, *, within_s: float) -> None:
    """Following the document in `folder` prints what it shows."""
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
