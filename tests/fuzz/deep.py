"""The properties of this folder with many examples, different in every run: `python -m tests.fuzz.deep`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path


def main(words: list[str]) -> int:
    """The exit code of pytest."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.deep", description=__doc__)
    parser.add_argument("--examples", type=int, default=300, help="for each law; 300 take minutes")
    asked = parser.parse_args(words)
    called = [sys.executable, "-m", "pytest", "-q", "-o", "timeout=0", str(Path(__file__).parent)]
    environment = os.environ | {"SPEC_KITTY_FUZZ_EXAMPLES": str(asked.examples)}
    return subprocess.run(called, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
