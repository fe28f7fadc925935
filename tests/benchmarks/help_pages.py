"""`python -m tests.benchmarks.help_pages`: how long every page of help takes.

A page may take one and a half times as long as importing the library that writes it.
"""

from __future__ import annotations

import sys

from tests.benchmarks.timing import medians_ms, runs_wanted, show, spec_kitty, verdict
from tests.unit.cli.people_pages import pages

RUNS = 11
HIGHEST_RATIO = 1.5
FLOOR = "python -c 'import click'"


def main() -> int:
    """0 when the ratio holds for the slowest page, else 1."""
    runs = runs_wanted(__doc__, usually=RUNS)
    commands = {FLOOR: [sys.executable, "-c", "import click"]} | {
        " ".join((*words, "--help")): [*spec_kitty(), *words, "--help"] for words in pages()
    }
    medians = medians_ms(commands, runs=runs)
    floor = medians.pop(FLOOR)
    show(FLOOR, floor, "ms")
    for name, median in sorted(medians.items(), key=lambda item: item[1]):
        show(f"{name} ({median / floor:.2f})", median, "ms")
    return verdict("ratio of the slowest", max(medians.values()) / floor, at_most=HIGHEST_RATIO)


if __name__ == "__main__":
    sys.exit(main())
