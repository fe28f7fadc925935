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
from tests.benchmarks.timing import runs_wanted, scratch_project, show, spec_kitty
from tests.patience import LONGEST_S

REQUESTS = 300
PACKAGES = 3
BYTES = 600
COMMANDS: dict[str, dict[str, Any]] = {
    "append-history": {"mission": SLUG, "wp": "WP001", "actor": "benchmark", "note": "n" * 200},
    "mission-state": {"mission": SLUG},
}


class Floor:
    """A pair of files, each written, synced and renamed, as often as it is asked for."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._taken_us: list[float] = []

    def measure(self) -> None:
        """One pair more was written."""
        number = len(self._taken_us)
        started = time.perf_counter()
        for kind in ("request", "reply"):
            temporary = self._folder / f".{number}.{kind}"
            with temporary.open("wb") as file:
                file.write(b"x" * BYTES)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self._folder / f"{number}.{kind}")
        self._taken_us.append((time.perf_counter() - started) * 1e6)

    @property
    def median_us(self) -> float:
        """The median so far, in microseconds."""
        return statistics.median(self._taken_us)


@contextmanager
def worker(root: Path, mailbox: Mailbox) -> Iterator[None]:
    """A worker serves the project during the block."""
    with subprocess.Popen(
        [*spec_kitty(), "mailbox", "serve"], cwd=root, stderr=subprocess.DEVNULL
    ) as process:
        try:
            deadline = time.monotonic() + LONGEST_S
            while not mailbox.worker_is_alive():
                if time.monotonic() > deadline:
                    sys.exit("the worker does not start")
                time.sleep(0.02)
            yield
        finally:
            process.terminate()


def measure(mailbox: Mailbox, command: str, *, floor: Floor, runs: int) -> None:
    """Latency, one request at a time, and throughput, all at once, were printed.

    The floor takes turns with the requests, so that a disk that slows down slows both.
    """
    latencies = []
    for _ in range(runs):
        latencies.append(_call_us(mailbox, command))
        floor.measure()
    started = time.perf_counter()
    for correlation_id in [mailbox.submit(command, COMMANDS[command]) for _ in range(runs)]:
        _check(mailbox.wait(correlation_id))
    each_us = (time.perf_counter() - started) / runs * 1e6
    median = statistics.median(latencies)
    show(f"{command}: latency, median", median, "us")
    show(f"{command}: latency, 99 of 100", sorted(latencies)[runs * 99 // 100], "us")
    show(f"{command}: median latency to floor", median / floor.median_us, "x")
    show(f"{command}: throughput", 1e6 / each_us, "requests/s")
    show(f"{command}: time of each to floor", each_us / floor.median_us, "x")


def _call_us(mailbox: Mailbox, command: str) -> float:
    started = time.perf_counter()
    _check(mailbox.call(command, COMMANDS[command]))
    return (time.perf_counter() - started) * 1e6


def _check(envelope: dict[str, Any]) -> None:
    if not envelope["success"]:
        sys.exit(f"{envelope['error_code']}: {envelope['data']['message']}")


def main() -> int:
    """0; there is no limit to hold, only figures to compare."""
    runs = runs_wanted(__doc__, usually=REQUESTS)
    with scratch_project() as root:
        write_mission(root, packages=PACKAGES)
        mailbox = Mailbox(root / ".kitty" / "inbox", root / ".kitty" / "outbox")
        floor = Floor(root / "floor")
        with worker(root, mailbox):
            for command in COMMANDS:
                measure(mailbox, command, floor=floor, runs=runs)
        show(f"floor: {BYTES} bytes in, {BYTES} bytes out", floor.median_us, "us")
    return 0


if __name__ == "__main__":
    sys.exit(main())
