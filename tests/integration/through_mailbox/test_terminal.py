"""A command that waits at a terminal shows the reason."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.integration.stage import environment
from tests.patience import LONGEST_S

PROGRESS = b"queued at position 1"


def until_said(terminal: int, text: bytes) -> bytes:
    """Read the terminal's output until it contains the text, or to its end."""
    shown = b""
    with contextlib.suppress(OSError):  # Reading a closed terminal is an error.
        while text not in shown:
            shown += os.read(terminal, 4096)
    return shown


def test_long_wait_shows_progress_and_the_reason_of_a_stalled_worker(tmp_path: Path) -> None:
    for name in ("inbox", "outbox"):
        (tmp_path / name).mkdir()
    stalled = {"state": "stalled", "stalled_reason": "the disk is \x1b[2Jfull", "interval_s": 60}
    (tmp_path / "outbox" / "worker.json").write_text(json.dumps(stalled))
    terminal, far_end = pty.openpty()
    words = ["orchestrator-api", "contract-version", "--mailbox", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "specify_cli", *words, "--timeout-s", str(LONGEST_S)],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=far_end,
    ) as process:
        os.close(far_end)
        shown = until_said(terminal, PROGRESS)
        process.terminate()
    os.close(terminal)
    assert PROGRESS in shown
    assert shown.count(b"; waiting until ") == 1
    assert b"full" in shown
    assert b"\x1b" not in shown
    assert process.returncode == 143
