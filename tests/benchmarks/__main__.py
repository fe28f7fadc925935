"""Measures what a request costs, each row beside its floor in the same run: `python -m tests.benchmarks`.

Example: python -m tests.benchmarks --only drain --only round-trip --rounds 3
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from tests.benchmarks import command_rows, mailbox_rows, peers
from tests.benchmarks.command_rows import LIBRARIES, NOTHING, PYDANTIC
from tests.benchmarks.report import Found, Row, Setting, as_json, machine, table

ROUNDS, QUICK_ROUNDS = 7, 1
SYNCED: Final = "its files, each synced"
ROWS: Final = (
    Row(
        name="round-trip",
        what="one append-history after the other through the mailbox",
        floor=SYNCED,
        reach=2,
        measure=mailbox_rows.round_trip,
    ),
    Row(
        name="drain",
        what="1,000 append-history of 10 missions that wait",
        floor="their files, synced in batches of 64",
        reach=0.25,
        is_rate=True,
        measure=mailbox_rows.drain,
    ),
    Row(
        name="long-append",
        what="CPU of an append-history at 20,000 events",
        floor="at 20",
        reach=1.2,
        measure=partial(mailbox_rows.long_history, "append-history"),
    ),
    Row(
        name="long-state",
        what="CPU of a mission-state at 20,000 events",
        floor="at 20",
        reach=1.2,
        measure=partial(mailbox_rows.long_history, "mission-state"),
    ),
    Row(
        name="mission-state",
        what="orchestrator-api mission-state",
        floor=LIBRARIES,
        reach=1.3,
        measure=command_rows.mission_state,
    ),
    Row(
        name="list-ready",
        what="orchestrator-api list-ready",
        floor=LIBRARIES,
        reach=1.3,
        measure=command_rows.list_ready,
    ),
    Row(
        name="transition",
        what="orchestrator-api transition --to claimed, without git's part",
        floor=LIBRARIES,
        reach=1.5,
        measure=command_rows.transition,
    ),
    Row(
        name="help",
        what="the largest help page",
        floor=LIBRARIES,
        reach=0.8,
        measure=command_rows.help_page,
    ),
    Row(
        name="through-mailbox",
        what="orchestrator-api mission-state --mailbox",
        floor=NOTHING,
        reach=3,
        measure=command_rows.through_mailbox,
    ),
    Row(
        name="large-state",
        what="orchestrator-api mission-state, 500 packages and 2,500 events",
        floor=PYDANTIC,
        reach=2,
        measure=command_rows.large_state,
    ),
    Row(
        name="idle",
        what="a worker that waits",
        floor="one percent of a core",
        reach=0.1,
        measure=mailbox_rows.idle,
    ),
)


def main(words: Sequence[str] | None = None) -> int:
    """The exit code: 0 if all was measured, whatever the results: a benchmark is not a test."""
    options = _options(words)
    chosen = [it for it in ROWS if not options.only or it.name in options.only]
    found: list[tuple[Row, Found]] = []
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="spec-kitty-benchmark-") as name:
        folder = Path(name).resolve()
        facts = machine(folder)
        for number, row in enumerate(chosen, start=1):
            print(f"{number}/{len(chosen)} {row.name}", file=sys.stderr, flush=True)
            own = folder / row.name
            own.mkdir()
            found.append((row, row.measure(Setting(folder=own, rounds=options.rounds))))
    if options.json:
        print(json.dumps(as_json(found, facts=facts), indent=1))
        return 0
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    print(table(found))
    if missing := peers.missing():
        print(f"Not beside it: {', '.join(missing)}. To have them: {peers.INSTALL}")
    return 0


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m tests.benchmarks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [it.name for it in ROWS]
    parser.add_argument(
        "--only", action="append", choices=names, metavar="ROW", help=f"one of {', '.join(names)}"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"samples; usually {ROUNDS}")
    parser.add_argument(
        "--quick", dest="rounds", action="store_const", const=QUICK_ROUNDS, help="one round"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object with every sample")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("/var/tmp"),
        help="where to measure: on the disk that counts; usually /var/tmp",
    )
    options = parser.parse_args(words)
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    if not options.folder.is_dir():
        parser.error(f"--folder: {options.folder} is not a folder")
    return options


if __name__ == "__main__":
    sys.exit(main())
