"""Capture the bytes that a program sends to a real terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.integration.stage import TIMEOUT_S, environment


class Terminal:
    """A pseudo-terminal that keeps everything sent to it."""

    def __init__(self) -> None:
        self.sent = b""
        self._ours, self.theirs = pty.openpty()
        termios.tcsetwinsize(self.theirs, (50, 300))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def run(self, words: Sequence[str], cwd: Path, *, typed: str = "") -> int:
        """Run the program at the terminal, with `typed` as input, and return its exit code."""
        if typed:
            os.write(self._ours, typed.encode())
        done = subprocess.run(
            [sys.executable, "-m", "specify_cli", *words],
            cwd=cwd,
            env=environment(TERM="xterm-256color", PYTHONUTF8="1"),
            stdin=self.theirs if typed else subprocess.DEVNULL,
            stdout=self.theirs,
            stderr=self.theirs,
            timeout=TIMEOUT_S,
            check=False,
        )
        return done.returncode

    def close(self) -> bytes:
        """Close the terminal and return everything that was sent."""
        os.close(self.theirs)
        self._thread.join(TIMEOUT_S)
        os.close(self._ours)
        return self.sent

    def _listen(self) -> None:
        # The kernel reports EIO once the other side is closed.
        try:
            while data := os.read(self._ours, 65536):
                self.sent += data
        except OSError:
            return
