"""The longest time that a test waits for a condition, defined only here.

A deadline is there to end what hangs, never to judge how fast a machine is, so it is far beyond what
a busy machine takes. pytest's own `timeout` in pyproject.toml is twice as long: a wait that ends here
says what it waited for.
"""

from __future__ import annotations

import subprocess
import time
from typing import Any

LONGEST_S = 600.0
LOOK_EVERY_S = 0.005
SIGNALLED_S = 30.0
"""For what a signal ends within five seconds: a busy machine has it, and no deadline of git is as short."""


def wait_until(
    condition: Any,
    what: str = "what the test waits for",
    *,
    timeout_s: float = LONGEST_S,
    process: subprocess.Popen[Any] | None = None,
) -> None:
    """Wait until the condition holds; fail after `timeout_s`, or when the process that has to do it ends."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        assert process is None or process.poll() is None, f"ended before {what}: {process}"
        time.sleep(LOOK_EVERY_S)
