"""`python -m tests.benchmarks.mission_state`: how long the board of a large mission takes.

The whole process counts: 500 packages are read and 2,500 events replayed, with no cache.
"""

from __future__ import annotations

import sys

from tests.benchmarks.large_mission import SLUG, write_mission
from tests.benchmarks.timing import (
    medians_ms,
    runs_wanted,
    scratch_project,
    show,
    spec_kitty,
    verdict,
)

RUNS = 11
PACKAGES = 500
HIGHEST_MS = 1000.0
FLOOR = "python -c 'import pydantic'"


def main() -> int:
    """0 when the answer comes in less than a second, else 1."""
    runs = runs_wanted(__doc__, usually=RUNS)
    with scratch_project() as root:
        events = write_mission(root, packages=PACKAGES)
        call = f"mission-state, {PACKAGES} packages, {events} events"
        commands = {
            FLOOR: [sys.executable, "-c", "import pydantic"],
            call: [*spec_kitty(), "orchestrator-api", "mission-state", "--mission", SLUG],
        }
        medians = medians_ms(commands, runs=runs, folder=root)
    show(FLOOR, medians[FLOOR], "ms")
    show("ratio", medians[call] / medians[FLOOR], "")
    return verdict(call, medians[call], at_most=HIGHEST_MS, unit=" ms")


if __name__ == "__main__":
    sys.exit(main())
