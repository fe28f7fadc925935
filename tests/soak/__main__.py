"""`python -m tests.soak --minutes 10 --seed 1 [--json]`: the mailbox under load, attacks and kills at once.

Four orchestrators in sandboxes of their own, the command line beside them, the worker killed every few
seconds. At the end every request has one answer, every effect is there once, and the proofs hold. Exit 0
when that is so, else 1, and the folder is kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from tests.soak.report import as_text
from tests.soak.run import Soak


def main() -> int:
    """The exit code: 0 if every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    told = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="spec-kitty-soak-"))

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    soak = Soak(folder=folder, seconds=told.minutes * 60, seed=told.seed, say=say)
    figures = soak.run()
    print(json.dumps(figures) if told.json else as_text(figures))
    if figures["problems"]:
        say(f"kept: {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
