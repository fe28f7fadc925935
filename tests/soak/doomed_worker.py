"""The worker of the soak: killed every few seconds, started again, and its disk fails now and then."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.stage import SOURCE, Stage, environment
from tests.patience import LONGEST_S
from tests.soak.faults import Faults

LIVES_S = (2.0, 8.0)
FAULTY = "tests.soak.faulty_worker"
WAY = os.pathsep.join([str(SOURCE), str(Path(__file__).parents[2])])


@dataclass(kw_only=True)
class DoomedWorker:
    """The worker of the project on `stage`; what it says goes to `log`."""

    stage: Stage
    log: Path
    random: random.Random
    faults: Faults
    is_doomed: bool = True
    kills: int = 0
    deaths: int = 0
    peak_kib: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _until: float = field(default=0.0)

    def look_after(self) -> None:
        """It lives, unless its time was up just now; how large it has grown is known."""
        if self._process is not None and self._process.poll() is not None:
            self.bury()
        if self._process is None:
            self.start()
        elif self.is_doomed and time.monotonic() > self._until:
            self.kill()
        else:
            self.measure()
            if self.is_doomed:
                self.faults.look_after()

    def bury(self) -> None:
        """It is known that it has ended, and how."""
        assert self._process is not None
        if self._process.returncode == -signal.SIGKILL:
            self.kills += 1
        else:
            # Of its own accord: a disk that fails while it starts ends it, and that is right.
            self.deaths += 1
        self._process = None

    def start(self) -> None:
        """A new one has begun, and how long it may live is settled."""
        self._until = time.monotonic() + self.random.uniform(*LIVES_S)
        words, preloaded = ["specify_cli", "mailbox", "serve"], {}
        if self.is_doomed:
            words, preloaded = [FAULTY, str(self.faults.control)], self.faults.environment()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=self.stage.root,
                env=environment(PYTHONPATH=WAY, **preloaded),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def kill(self) -> None:
        """It has ended in the middle of whatever it did."""
        self.measure()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.kills += 1
        self._process = None

    def spare(self) -> None:
        """From now on no harm is done to it: another has taken its place."""
        self.kill()
        self.is_doomed = False
        self.faults.stop()
        self.start()

    def stop(self) -> int:
        """The exit code of an orderly end."""
        assert self._process is not None, "no worker lives"
        self.measure()
        self._process.terminate()
        code = self._process.wait(LONGEST_S)
        self._process = None
        return code

    def measure(self) -> None:
        """The most memory that any of them had is known."""
        if self._process is not None:
            status = Path(f"/proc/{self._process.pid}/status")
            lines = status.read_text().splitlines() if status.exists() else []
            found = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
            self.peak_kib = max([self.peak_kib, *found])
