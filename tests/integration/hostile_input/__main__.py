"""Runs all tests of hostile input at full size and writes the table of costs: `python -m tests.integration.hostile_input`.

`--crowd N` sends N files at once instead of a hundred thousand. Writes README.md beside this
file; other arguments are passed to pytest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.integration.hostile_input.served import PEAK_BOUND_KIB

HERE = Path(__file__).parent
FULL = 100_000


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one test sent, and what it cost the worker."""

    name: str
    inputs: int
    peak_kib: int
    meanwhile: int
    slowest_ms: int
    seconds: float


def main(words: list[str]) -> int:
    """Return the exit code of pytest; print the table, and write it if all tests passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.hostile_input")
    parser.add_argument("--crowd", type=int, default=FULL)
    asked, others = parser.parse_known_args(words)
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.xml")
        code = _run(report, crowd=asked.crowd, words=others)
        table = _table(_rows(report), crowd=asked.crowd)
    print(table)
    if code == 0 and not others:
        (HERE / "README.md").write_text(table)
    return code


def _run(report: Path, *, crowd: int, words: list[str]) -> int:
    options = ["-q", "-m", "long", "-n", "0", "-o", "timeout=0", f"--junitxml={report}"]
    called = [sys.executable, "-m", "pytest", *options, str(HERE), *words]
    environment = os.environ | {"SPEC_KITTY_CROWD": str(crowd)}
    return subprocess.run(called, env=environment, check=False).returncode


def _rows(report: Path) -> list[Row]:
    rows = []
    for case in ET.parse(report).iter("testcase"):
        found = {p.get("name"): int(p.get("value", "0")) for p in case.iter("property")}
        if "peak_kib" in found:
            row = Row(
                name=str(case.get("name")).removeprefix("test_").replace("_", " "),
                inputs=found["hostile_inputs"],
                peak_kib=found["peak_kib"],
                meanwhile=found["answered_meanwhile"],
                slowest_ms=found["slowest_ms"],
                seconds=float(case.get("time", "0")),
            )
            rows.append(row)
    return rows


def _table(rows: list[Row], *, crowd: int) -> str:
    highest = max((row.peak_kib for row in rows), default=0)
    inputs = sum(row.inputs for row in rows)
    lines = [
        "# Hostile input, and what it cost the worker",
        "",
        f"Written by `python -m tests.integration.hostile_input` (crowds of {crowd} files).",
        f"The worker's memory stays below {PEAK_BOUND_KIB // 1024} MiB in all of them (`VmHWM` of the real process);",
        f"the highest peak was {highest / 1024:.1f} MiB, the hostile inputs {inputs}.",
        "Each was answered or dead-lettered exactly once, and `spec-kitty mailbox verify` was sound.",
        "",
        "| what | hostile inputs | peak MiB | others answered meanwhile | slowest of them, ms | s |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row.name} | {row.inputs} | {row.peak_kib / 1024:.1f} | {row.meanwhile}"
        f" | {row.slowest_ms} | {row.seconds:.1f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
