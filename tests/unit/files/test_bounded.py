from __future__ import annotations

import threading

from specify_cli.files.bounded import BoundedCalls
from tests.patience import LONGEST_S, wait_until


def test_a_hanging_call_delays_neither_other_calls_nor_the_caller() -> None:
    calls, go = BoundedCalls(), threading.Event()
    calls.start("hangs", go.wait)
    calls.start("fails", lambda: 1 // 0)
    calls.start("starts another", lambda: calls.start("other", lambda: 2))
    wait_until(lambda: [*map(len, calls.wait(0.01))] == [2, 1], "the end of what does not hang")
    results, failures = calls.wait(0.01)
    assert results == {"starts another": None, "other": 2}
    assert isinstance(failures["fails"], ZeroDivisionError)
    go.set()
    assert calls.wait(LONGEST_S)[0]["hangs"]
