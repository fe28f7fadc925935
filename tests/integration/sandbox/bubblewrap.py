"""Run programs in the sandbox of `examples/in-sandbox.sh`, with files bound into it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import spec_kitty_client
from tests.patience import LONGEST_S

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
CLIENT = Path(spec_kitty_client.__file__).parent
HERE = Path(__file__).parent
# The interpreter's real folder, outside any virtual environment.
HOME_OF_PYTHON = Path(sys.base_prefix).resolve()
PYTHON = str(HOME_OF_PYTHON / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")
CARRIED = "/carried"


def carrying(*files: Path) -> list[str]:
    """Options that bind the interpreter and the files, read-only, into the sandbox."""
    options = ["--ro-bind", str(HOME_OF_PYTHON), str(HOME_OF_PYTHON)]
    for file in files:
        options += ["--ro-bind", str(file), f"{CARRIED}/{file.name}"]
    return options


def start(
    inbox: Path,
    outbox: Path,
    words: Sequence[str],
    *,
    before: Sequence[str] = (),
    script: Path = EXAMPLES / "in-sandbox.sh",
) -> subprocess.Popen[str]:
    """Start a program in a sandbox of its own; `before` are words before the script."""
    return subprocess.Popen(
        [*before, str(script), str(inbox), str(outbox), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    inbox: Path,
    outbox: Path,
    words: Sequence[str],
    *,
    timeout_s: float = LONGEST_S,
) -> str:
    """Run a program in a sandbox of its own; it must succeed; return its output."""
    with start(inbox, outbox, words) as program:
        try:
            printed, said = program.communicate(timeout=timeout_s)
        finally:
            program.kill()
    assert program.returncode == 0, said + printed
    return printed
