"""Faults while the worker serves: some calls fail, are cut short, or kill the worker."""

from __future__ import annotations

import errno
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.shim import FAIL, KILL_AFTER, KILL_BEFORE, SHORT, Control, Orders, build

PAUSE_S = (0.5, 3.0)
WITHIN_CALLS = 60
ERRORS = ("ENOSPC", "EIO", "EROFS", "EMFILE", "EDQUOT")
KILLS = {"kill-before": KILL_BEFORE, "kill-after": KILL_AFTER}


@dataclass(kw_only=True)
class Faults:
    """The control file for all processes of the worker."""

    folder: Path
    root: Path
    random: random.Random
    ordered: Counter[str] = field(default_factory=Counter)
    struck: int = 0
    _shim: Path | None = None
    _control: Control | None = None
    _next: float = 0.0

    def environment(self) -> dict[str, str]:
        """The environment of a worker with faults; its calls are counted from zero."""
        self._shim = self._shim or build(self.folder)
        self._take_stock()
        self._control = Control(self.control, root=self.root, orders=Orders())
        return {"LD_PRELOAD": str(self._shim)}

    @property
    def control(self) -> Path:
        """The control file."""
        return self.folder / "control"

    def look_after(self) -> None:
        """From time to time, choose a future call and its fault."""
        if self._control is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self.random.uniform(*PAUSE_S)
        name, action, value = self._choose()
        self._control.write("action", 0)
        self._control.write("value", value)
        self._control.write(
            "at", self._control.read("count") + self.random.randint(1, WITHIN_CALLS)
        )
        self._control.write("action", action)
        self.ordered[name] += 1

    def stop(self) -> None:
        """Stop injecting faults."""
        if self._control is not None:
            self._control.write("action", 0)
            self._take_stock()

    def _choose(self) -> tuple[str, int, int]:
        kind = self.random.choices(["fail", "short", *KILLS], weights=[6, 2, 1, 1])[0]
        if kind == "fail":
            name = self.random.choice(ERRORS)
            return name, FAIL, getattr(errno, name)
        return kind, KILLS.get(kind, SHORT), 0

    def _take_stock(self) -> None:
        if self._control is not None:
            self.struck += self._control.read("hits")
            self._control = None
