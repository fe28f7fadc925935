from __future__ import annotations

import threading
import time

from specify_cli.files.bounded import BoundedCalls


def test_a_hanging_call_delays_neither_other_calls_nor_the_caller() -> None:
    calls, go = BoundedCalls(), threading.Event()
    calls.start("hangs", go.wait)
    calls.start("fails", lambda: 1 // 0)
    calls.start("starts another", lambda: calls.start("other", lambda: 2))
    began = time.monotonic()
    results, failures = calls.wait(0.05)
    assert time.monotonic() - began < 30
    assert results == {"starts another": None, "other": 2}
    assert isinstance(failures["fails"], ZeroDivisionError)
    go.set()
    assert calls.wait(30)[0]["hangs"]
