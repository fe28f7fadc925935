"""An interrupted run of the fault suite prints its results so far."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_interrupted_run_prints_its_table_and_fails(tmp_path: Path) -> None:
    chosen = ["--commands", "append-history", "--doors", "cli", "--kinds", "kill-before"]
    command = [sys.executable, "-m", "tests.faults", *chosen, "--jobs", "2"]
    with subprocess.Popen(
        [*command, "--folder", str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    assert "append-history cli kill-before" in first
    assert "| `append-history` | cli | " in rest
    assert "did not come to its end" in rest
    assert process.returncode == 1
    assert list(tmp_path.iterdir()) == []
