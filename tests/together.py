"""Check without a race whether two threads can be in the same function at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.patience import LONGEST_S

PATIENCE_S = 0.2
"""A machine on which the other takes longer misses a fault; it finds none that is not there."""


def meet(owner: Any, name: str, action: Callable[[], object]) -> bool:
    """Whether two threads that both do `action` meet inside the library's function `owner.name`.

    The first thread waits there for the other, which arrives at once unless a lock holds it back.
    """
    real, place = getattr(owner, name), threading.Barrier(2)
    have_come, have_met = threading.Event(), threading.Event()

    def waiting(*args: Any, **more: Any) -> Any:
        have_come.set()
        try:
            place.wait(PATIENCE_S)
            have_met.set()
        except threading.BrokenBarrierError:
            pass
        return real(*args, **more)

    with pytest.MonkeyPatch.context() as library, ThreadPoolExecutor(2) as threads:
        library.setattr(owner, name, waiting)
        for done in [threads.submit(action), threads.submit(action)]:
            done.result()
        # A thread that the action has started may come later than the action ends.
        assert have_come.wait(LONGEST_S), f"nobody came to {name}"
    return have_met.is_set()
