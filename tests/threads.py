"""A system that starts no further thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_TOO_LARGE = 1 << 46


@contextmanager
def none_can_start() -> Iterator[None]:
    """While the block runs, no thread of this process can be started, as at a limit of processes."""
    threading.stack_size(_TOO_LARGE)
    try:
        yield
    finally:
        threading.stack_size(0)
