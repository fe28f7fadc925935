"""A real terminal: a tmux server of its own, whose screen can be read."""

from __future__ import annotations

import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.patience import LONGEST_S

LOOK_EVERY_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Screen:
    """A tmux server with one window; `socket` is its address."""

    socket: Path

    def open(
        self, words: Sequence[str], *, cwd: Path, env: Mapping[str, str], width: int, height: int
    ) -> None:
        """Start the program in a window of that size, which stays open and then shows `exit=`."""
        # The shell gets Ctrl-C too, and must survive to print the exit code.
        script = f"trap : INT; {shlex.join(words)}; echo exit=$?; exec cat"
        size = ("-x", str(width), "-y", str(height))
        # The program inherits the environment with which tmux starts the session.
        self._tmux("new-session", "-d", *size, "-c", str(cwd), "sh", "-c", script, env=env)

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", "--", *keys)

    def type_text(self, text: str) -> None:
        """Type the text literally, also if it contains names of keys."""
        self._tmux("send-keys", "-l", "--", text)

    def resize(self, width: int, height: int) -> None:
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def text(self) -> str:
        return self._tmux("capture-pane", "-p")

    def wait_for(self, is_there: Callable[[str], bool]) -> str:
        """Wait for a screen that fits, and return it."""
        pause, end = threading.Event(), time.monotonic() + LONGEST_S
        while time.monotonic() < end:
            text = self.text()
            if is_there(text):
                return text
            pause.wait(LOOK_EVERY_S)
        raise AssertionError(f"never seen; the screen shows:\n{self.text()}")

    def close(self) -> None:
        self._tmux("kill-server")

    def _tmux(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self.socket), "-f", "/dev/null", *words],
            env=dict(env) if env else None,
            check=True,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
        )
        return done.stdout
