"""Whoever follows the walk-through of the examples sees what it shows."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.integration.sandbox.bubblewrap import EXAMPLES
from tests.readme.console import fences, fits, steps

TEXT = (EXAMPLES / "README.md").read_text(encoding="utf-8")
STEPS = [step for session in fences(TEXT, "console") for step in steps(session)]
# It can be in no command and in no output.
MARK = "\x1e"
WITHIN_S = 110


def test_every_command_prints_what_is_shown(tmp_path: Path):
    printed = follow(tmp_path)

    assert len(printed) == len(STEPS)
    for step, output in zip(STEPS, printed, strict=True):
        assert fits(step.shown, output), (step.command, output)


def follow(folder: Path) -> list[str]:
    """What each command prints, all of them run in one shell, one after the other."""
    shutil.copytree(EXAMPLES, folder / "clone" / "examples")
    beside = str(Path(sys.executable).parent)
    marked = "\n".join(f"printf '{MARK}'\n{step.command}" for step in STEPS)
    with subprocess.Popen(
        ["sh", "-c", marked],
        cwd=folder / "clone",
        env=os.environ | {"PATH": f"{beside}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            output, _ = shell.communicate(timeout=WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            raise
    return output.split(MARK)[1:]


def test_every_example_is_listed_and_every_link_leads_somewhere():
    links = set(re.findall(r"\]\(([^)#:]+)\)", TEXT))

    assert links == {path.name for path in EXAMPLES.glob("*.*")} - {"README.md"}
