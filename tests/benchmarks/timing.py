"""What the benchmarks share: processes timed in turn, medians, and a project to time them in."""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Benchmark"), ("EMAIL", "benchmark@example.invalid"))
}


def runs_wanted(description: str | None, *, usually: int) -> int:
    """How often the caller wants each measurement repeated."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--runs", type=int, default=usually, help=f"measure so often, not {usually} times"
    )
    runs: int = parser.parse_args().runs
    return runs


def spec_kitty() -> list[str]:
    """The command that starts this interpreter's spec-kitty: the installed program, else the module."""
    beside = Path(sys.executable).with_name("spec-kitty")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "specify_cli"]


def medians_ms(
    commands: Mapping[str, Sequence[str]], *, runs: int, folder: Path | None = None
) -> dict[str, float]:
    """The median of the whole process for each command; as `samples_ms`."""
    samples = samples_ms(commands, runs=runs, folder=folder)
    return {name: statistics.median(taken) for name, taken in samples.items()}


def samples_ms(
    commands: Mapping[str, Sequence[str]], *, runs: int, folder: Path | None = None
) -> dict[str, list[float]]:
    """The times of the whole process of each command, as often as requested.

    The commands alternate, so that other load affects all of them alike. The first turn
    warms the caches and does not count.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
            times[name].append((time.perf_counter() - started) * 1000)
    return {name: taken[1:] for name, taken in times.items()}


@contextmanager
def scratch_project() -> Iterator[Path]:
    """A project with one commit, in a folder that is removed afterwards."""
    root = Path(tempfile.mkdtemp(prefix="spec-kitty-benchmark-")).resolve()
    try:
        project_at(root)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def project_at(root: Path) -> None:
    """Make a project with one commit in the folder, which is empty."""
    os.environ.update(IDENTITY)
    # A Python that may not keep its bytecode compiles the program at each start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for command in (
        ["git", "init", "-q", "-b", "main"],
        ["git", "commit", "-q", "--allow-empty", "-m", "Begin"],
        [*spec_kitty(), "init"],
    ):
        subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)


def verdict(name: str, value: float, *, at_most: float, unit: str = "") -> int:
    """Print the limit; return the exit code of the benchmark: 0 if the value is within it."""
    holds = value <= at_most
    print(f"{name:44} {value:8.2f}{unit}  {'PASS' if holds else 'FAIL'}: at most {at_most:g}{unit}")
    return 0 if holds else 1


def show(name: str, value: float, unit: str) -> None:
    """Print one figure."""
    print(f"{name:44} {value:8.1f} {unit}")
