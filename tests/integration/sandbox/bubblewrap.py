"""Programs in the sandbox of `examples/in-sandbox.sh`, and what is carried in for them."""

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
# Where the interpreter really is, behind any environment that it was started from.
HOME_OF_PYTHON = Path(sys.base_prefix).resolve()
PYTHON = str(HOME_OF_PYTHON / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")
CARRIED = "/carried"


def carrying(*files: Path) -> list[str]:
    """Options that put the files, read-only, into one folder of the sandbox, and the interpreter."""
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
    """A program, in a sandbox of its own, that has begun; `before` is what starts the sandbox."""
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
    """What a program in a sandbox of its own printed; it went well."""
    with start(inbox, outbox, words) as program:
        try:
            printed, said = program.communicate(timeout=timeout_s)
        finally:
            program.kill()
    assert program.returncode == 0, said + printed
    return printed
