"""`python -m tests.benchmarks.startup`: how long the smallest call takes.

`contract-version` may take twice as long as importing its two heaviest libraries.
"""

from __future__ import annotations

import sys

from tests.benchmarks.timing import medians_ms, runs_wanted, show, spec_kitty, verdict

RUNS = 21
HIGHEST_RATIO = 2.0
FLOOR = "python -c 'import click, pydantic'"
CALL = "orchestrator-api contract-version"


def main() -> int:
    """The exit code: 0 if the ratio holds, else 1."""
    runs = runs_wanted(__doc__, usually=RUNS)
    commands = {
        FLOOR: [sys.executable, "-c", "import click, pydantic"],
        CALL: [*spec_kitty(), "orchestrator-api", "contract-version"],
    }
    medians = medians_ms(commands, runs=runs)
    for name, median in medians.items():
        show(name, median, "ms")
    return verdict("ratio", medians[CALL] / medians[FLOOR], at_most=HIGHEST_RATIO)


if __name__ == "__main__":
    sys.exit(main())
