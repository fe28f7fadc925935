"""Faults injected into writes of the record: a sample of `python -m tests.faults.record`."""

from __future__ import annotations

import subprocess
import sys

from tests.faults.record import KINDS, MODES


def test_record_keeps_all_acknowledged_data_after_a_sample_of_faults() -> None:
    command = [sys.executable, "-m", "tests.faults.record", "--every", "193", "--per-sync", "1"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [it for it in done.stdout.splitlines() if it.endswith(" 0 bad")]
    assert len(told) == len(MODES) * (len(KINDS) + 1)
    assert not any(" 0 points" in it for it in told)
