"""What queries of a journal with very many lines cost: `python -m tests.benchmarks.journal_queries`.

Fills the records of two scratch projects, a large and a small one, and measures each command in both in turn: the ratio
of the two is what the size costs. Of a million lines it takes some minutes and two gigabytes.

Example: python -m tests.benchmarks.journal_queries --lines 100000
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

from specify_cli.storage import journal_index_file, published_line, records
from specify_cli.storage.journal_index import JournalIndex
from specify_cli.storage.journal_publisher import JournalPublisher
from specify_cli.storage.layout import Layout
from specify_cli.storage.record_entries import REQUEST, Asked, Draft
from tests.benchmarks.timing import project_at, spec_kitty

SMALL: Final = 1_000
AT_ONCE: Final = 20_000
STEP: Final = timedelta(seconds=3)
COMMANDS: Final = ("append-history", "transition", "heartbeat", "mission-state", "list-ready")
REFUSED_OF: Final = 20
LAST: Final = "--no-follow", "-n", "20"
QUERIES: Final = {
    "tail": ("tail", *LAST),
    "tail --mission": ("tail", *LAST, "--mission", "003-mission"),
    "tail --mission --wp": ("tail", *LAST, "--mission", "003-mission", "--wp", "WP07"),
    "tail --actor": ("tail", *LAST, "--actor", "actor-5"),
    "tail --orchestrator": ("tail", *LAST, "--orchestrator", "night-2"),
    "tail --command": ("tail", *LAST, "--command", "transition"),
    "tail --failed": ("tail", *LAST, "--failed"),
    "tail --code": ("tail", *LAST, "--code", "CLAIM_CONFLICT"),
    "tail, a rare actor": ("tail", *LAST, "--actor", "rare"),
    "tail, no line fits": ("tail", *LAST, "--code", "USAGE_ERROR"),
    "tail --since --until": (
        "tail",
        *LAST,
        "--since",
        "2029-12-31T23:00",
        "--until",
        "2029-12-31T23:30",
    ),
    "show, a whole id": ("show", "r-500"),
    "show, an event": ("show", f"E-{500:024}"),
    "stats --since (one hour)": ("stats", "--since", "2029-12-31T23:00"),
    "stats": ("stats",),
}


def lines(count: int) -> Iterator[dict[str, Any]]:
    """Journal lines, the newest at the same time whatever their number is."""
    end = datetime(2030, 1, 1, tzinfo=UTC)
    for number in range(count):
        at = end - STEP * (count - number)
        command = COMMANDS[number % len(COMMANDS)]
        is_refused = number % REFUSED_OF == 0
        data: dict[str, Any] = {"mission_slug": f"{number % 20:03}-mission", "wp_id": "WP01"}
        data |= {"message": "somebody else has it", "retryable": False} if is_refused else {}
        yield {
            "correlation_id": f"r-{number}",
            "at": at.isoformat(),
            "door": "mailbox",
            "identity": f"night-{number % 7}",
            "actor": "rare" if number == SMALL // 2 else f"actor-{number % 11}",
            "digest": f"sha256:{number:064}",
            "command": f"orchestrator-api.{command}",
            "args": {"mission": str(number % 20), "wp": f"WP{number % 30:02}", "note": "n" * 60},
            "policy": None,
            "envelope": {
                "correlation_id": f"r-{number}",
                "timestamp": (at + timedelta(microseconds=number % 977 * 100)).isoformat(),
                "success": not is_refused,
                "error_code": "CLAIM_CONFLICT" if is_refused else None,
                "data": data,
            },
            "event_ids": [f"E-{number:024}"],
            "commits": [],
            "dead_letter": None,
        }


def draft(line: dict[str, Any]) -> Draft:
    """The draft of a line."""
    return Draft(
        at=line["at"],
        kind=REQUEST,
        published=lambda seq, prev: published_line.encode(line, seq=seq, prev=prev),
        asked=Asked(id=line["correlation_id"], digest=line["digest"], scope=line["identity"]),
    )


def fill(root: Path, count: int) -> None:
    """Give the project a record with that many published lines."""
    project_at(root)
    left = map(draft, lines(count))
    record = records.made(Layout(root))
    while some := [*islice(left, AT_ONCE)]:
        record.commit_all(some)
    JournalPublisher(Layout(root), max_bytes=1 << 30).bring_up(record)
    record.close()


def index(root: Path, count: int) -> None:
    """Make the index of the project, and print what that takes."""
    made = JournalIndex(Layout(root))
    begun = time.process_time()
    made.update()
    took = time.process_time() - begun
    made.close()
    size = journal_index_file.path_of(Layout(root)).stat().st_size
    print(
        f"index of {count:,} lines: {took:.1f} s of processor time, {count / took:,.0f} lines a second, {size / 1e6:,.0f} MB",
        flush=True,
    )


def cpu_s(command: Sequence[str], root: Path) -> float:
    """The processor time of the process, because other programs run beside it."""
    before = os.times()
    subprocess.run(command, cwd=root, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def measure(large: Path, small: Path, *, rounds: int) -> None:
    """Print a row for each query."""
    print(f"{'mailbox ...':28} {'large':>9} {'small':>9} {'ratio':>6}", flush=True)
    for name, words in QUERIES.items():
        command = [*spec_kitty(), "mailbox", *words]
        times = [(cpu_s(command, large), cpu_s(command, small)) for _ in range(rounds + 1)][1:]
        at_large, at_small = (statistics.median(it) for it in zip(*times, strict=True))
        ratio = at_large / at_small
        print(
            f"{name:28} {at_large * 1e3:6.0f} ms {at_small * 1e3:6.0f} ms {ratio:6.2f}", flush=True
        )


def main(words: Sequence[str] | None = None) -> int:
    """The exit code: 0 if all was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=1_000_000, help="usually 1,000,000")
    parser.add_argument("--rounds", type=int, default=3, help="samples; usually 3")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="usually /var/tmp")
    options = parser.parse_args(words)
    if options.lines < SMALL:
        parser.error(f"--lines: at least {SMALL}")
    with (
        tempfile.TemporaryDirectory(dir=options.folder, prefix="spec-kitty-journal-") as first,
        tempfile.TemporaryDirectory(dir=options.folder, prefix="spec-kitty-journal-") as second,
    ):
        large, small = Path(first).resolve(), Path(second).resolve()
        for root, count in ((large, options.lines), (small, SMALL)):
            fill(root, count)
            index(root, count)
        measure(large, small, rounds=options.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
