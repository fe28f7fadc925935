"""Processes of the host that are made to fail."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.shim import Control, Orders
from tests.integration.stage import environment
from tests.patience import LONGEST_S

CONTROL, TRACE, OUT = "control", "trace", "out"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The exit code of a process of the host; negative after a signal."""

    status: int
    out: str
    err: str
    calls: int
    hits: int


FORGET = "--without-memory"


def wait_for_all(folder: Path) -> None:
    """Wait until every server whose folder is in this one has ended, with its children."""
    lock = _running_lock(folder)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.close(lock)


def _running_lock(folder: Path) -> int:
    return os.open(folder / "running", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


class ForkServer:
    """A warm host, in whose children the shim counts; `folder` is for what belongs to one run.

    `without_memory` makes a host that reads all state again for each request.
    """

    def __init__(self, folder: Path, shim: Path, *, without_memory: bool = False) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        self._running = _running_lock(folder.parent)
        fcntl.flock(self._running, fcntl.LOCK_SH)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.server", *([FORGET] if without_memory else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(LD_PRELOAD=str(shim), TMPDIR=str(temporary)),
            cwd=Path(__file__).parents[2],
            start_new_session=True,
            # Its children inherit the lock as well.
            pass_fds=[self._running],
        )
        assert self._answer() == "ready", "the fork server does not start"

    def begin(
        self,
        root: Path,
        words: Sequence[str],
        *,
        orders: Orders | None = None,
        traced: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> Control | None:
        """Start a child; `end` waits for it."""
        trace = self.folder / TRACE
        trace.unlink(missing_ok=True)
        control = None
        if orders is not None or traced:
            control = Control(
                self.folder / CONTROL,
                root=root,
                orders=orders or Orders(),
                trace=trace if traced else None,
            )
        order = {
            "control": str(control.path) if control else None,
            "words": list(words),
            "env": dict(env or {}),
            "cwd": str(root),
            "out": str(self.folder / OUT),
        }
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return control

    def end(self, control: Control | None = None) -> Ended:
        """The exit code of the child that was started last."""
        status = json.loads(self._answer())["status"]
        out = self.folder / OUT
        return Ended(
            status=status,
            out=out.read_text(errors="replace"),
            err=out.with_name(OUT + ".err").read_text(errors="replace"),
            calls=control.read("count") if control else 0,
            hits=control.read("hits") if control else 0,
        )

    def run(
        self,
        root: Path,
        words: Sequence[str],
        *,
        orders: Orders | None = None,
        traced: bool = False,
    ) -> Ended:
        """The exit code of a child."""
        return self.end(self.begin(root, words, orders=orders, traced=traced))

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=LONGEST_S)
        assert self._process.stdout
        self._process.stdout.close()
        os.close(self._running)

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()
