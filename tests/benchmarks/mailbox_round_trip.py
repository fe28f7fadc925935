"""`python -m tests.benchmarks.mailbox_round_trip`: what a request through the mailbox costs.

The floor is measured in the same run, in the same folder: one request and one reply, each written,
synced and renamed, and nothing else. Only the proportions mean something elsewhere.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from specify_cli.mailbox.client import Mailbox
from tests.benchmarks.large_mission import SLUG, write_mission
from tests.benchmarks.timing import scratch_project, show, spec_kitty

REQUESTS = 300
PACKAGES = 3
BYTES = 600
STARTS_WITHIN_S = 30.0
COMMANDS: dict[str, dict[str, Any]] = {
    "append-history": {"mission": SLUG, "wp": "WP001", "actor": "benchmark", "note": "n" * 200},
    "mission-state": {"mission": SLUG},
}


def floor_us(root: Path) -> float:
    """The median of a pair of files, each written, synced and renamed, in microseconds."""
    folder = root / "floor"
    folder.mkdir()
    taken = []
    for number in range(REQUESTS):
        started = time.perf_counter()
        for kind in ("request", "reply"):
            temporary = folder / f".{number}.{kind}"
            with temporary.open("wb") as file:
                file.write(b"x" * BYTES)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(folder / f"{number}.{kind}")
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1e6


@contextmanager
def worker(root: Path, mailbox: Mailbox) -> Iterator[None]:
    """A worker serves the project during the block."""
    with subprocess.Popen(
        [*spec_kitty(), "mailbox", "serve"], cwd=root, stderr=subprocess.DEVNULL
    ) as process:
        try:
            deadline = time.monotonic() + STARTS_WITHIN_S
            while not mailbox.worker_is_alive():
                if time.monotonic() > deadline:
                    sys.exit("the worker does not start")
                time.sleep(0.02)
            yield
        finally:
            process.terminate()


def measure(mailbox: Mailbox, command: str, *, floor: float) -> None:
    """Latency, one request at a time, and throughput, all at once, were printed."""
    latencies = sorted(_call_us(mailbox, command) for _ in range(REQUESTS))
    median = statistics.median(latencies)
    show(f"{command}: latency, median", median, "us")
    show(f"{command}: latency, 99 of 100", latencies[REQUESTS * 99 // 100], "us")
    show(f"{command}: median to floor", median / floor, "x")
    started = time.perf_counter()
    submitted = [mailbox.submit(command, COMMANDS[command]) for _ in range(REQUESTS)]
    for correlation_id in submitted:
        _check(mailbox.wait(correlation_id))
    taken = time.perf_counter() - started
    show(f"{command}: throughput", REQUESTS / taken, "requests/s")
    show(f"{command}: time of each to floor", taken / REQUESTS * 1e6 / floor, "x")


def _call_us(mailbox: Mailbox, command: str) -> float:
    started = time.perf_counter()
    _check(mailbox.call(command, COMMANDS[command]))
    return (time.perf_counter() - started) * 1e6


def _check(envelope: dict[str, Any]) -> None:
    if not envelope["success"]:
        sys.exit(f"{envelope['error_code']}: {envelope['data']['message']}")


def main() -> int:
    """0; there is no limit to hold, only figures to compare."""
    with scratch_project() as root:
        write_mission(root, packages=PACKAGES)
        mailbox = Mailbox(root / ".kitty" / "inbox", root / ".kitty" / "outbox")
        with worker(root, mailbox):
            floor = floor_us(root)
            show(f"floor: {BYTES} bytes in, {BYTES} bytes out", floor, "us")
            for command in COMMANDS:
                measure(mailbox, command, floor=floor)
    return 0


if __name__ == "__main__":
    sys.exit(main())
