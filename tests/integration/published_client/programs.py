"""The programs that a test runs, in a folder that comes first on PATH."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
AGENTS = ("claude", "codex", "opencode")

# A process group of its own: killing the client's group must not kill the current host call.
COUNTED = """\
import os, sys
os.setpgid(0, 0)
ledger = os.open({ledger!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(ledger, b".")
os.execv({program!r}, [{program!r}, *sys.argv[1:]])
"""


def installed(name: str) -> Path:
    """The program installed with this interpreter."""
    program = Path(sys.executable).with_name(name)
    assert program.is_file(), f"{program} is missing: pip install -e '.[test]' puts it there"
    return program


def install(folder: Path, *, ledger: Path) -> None:
    """Install the agents in `folder`, and a `spec-kitty` that adds a byte to `ledger` for every call."""
    folder.mkdir()
    for agent in AGENTS:
        write_program(folder / agent, (HERE / "fake_agent.py").read_text())
    source = COUNTED.format(ledger=str(ledger), program=str(installed("spec-kitty")))
    write_program(folder / "spec-kitty", source, options="-IS")


def write_program(path: Path, source: str, *, options: str = "") -> None:
    """Make `path` a script that runs `source` with this interpreter and the one word `options`."""
    path.write_text(f"#!{sys.executable} {options}".rstrip() + f"\n{source}")
    path.chmod(0o755)
