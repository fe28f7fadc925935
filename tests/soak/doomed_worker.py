"""The worker of the soak: it is killed every few seconds and restarted, and its disk fails sometimes."""

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
    """The worker of the project on `stage`; its output goes to `log`."""

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
        """Note the memory of the worker; kill it if its time is up."""
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
        """Note that the worker ended, and its exit code."""
        assert self._process is not None
        if self._process.returncode == -signal.SIGKILL:
            self.kills += 1
        else:
            # It exited by itself: a disk failure during the start ends it, as intended.
            self.deaths += 1
        self._process = None

    def start(self) -> None:
        """Start a new one, and choose how long it may live."""
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
        """Kill it in the middle of its work."""
        self.measure()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.kills += 1
        self._process = None

    def spare(self) -> None:
        """Replace it by a worker that is not disturbed any more."""
        self.kill()
        self.is_doomed = False
        self.faults.stop()
        self.start()

    def stop(self) -> int:
        """Stop the worker; return its exit code."""
        assert self._process is not None, "no worker runs"
        self.measure()
        self._process.terminate()
        code = self._process.wait(LONGEST_S)
        self._process = None
        return code

    def measure(self) -> None:
        """Note the most memory that any of the workers had."""
        if self._process is not None:
            status = Path(f"/proc/{self._process.pid}/status")
            lines = status.read_text().splitlines() if status.exists() else []
            found = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
            self.peak_kib = max([self.peak_kib, *found])
