"""Batches: one thread decides several requests, then commits all of them together.

A request in a batch never waits: not for a lock that another thread holds, not for git, not for files.
Code that would wait raises `NotInBatch`, and the request is answered alone later.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final


class NotInBatch(BaseException):
    """The request has to be answered alone; nothing was done for it. Derived from BaseException so that no handler treats it as a fault."""


class Batch:
    """One batch.

    Attributes:
        locks: The locks that it holds until it ends.
        held: The descriptors of these locks.
        logs: The logs that it appended to, by the missions' folders.
        missions: The missions that it read, by their folders. All requests are decided on the same state.
    """

    def __init__(self, locks: ExitStack) -> None:
        self.locks = locks
        self.held: dict[Path, int] = {}
        self.logs: dict[str, Any] = {}
        self.missions: dict[str, Any] = {}


_current: Final[ContextVar[Batch | None]] = ContextVar("batch", default=None)


def current() -> Batch | None:
    """Return the batch of this thread, or None."""
    return _current.get()


def require_none() -> None:
    """Check that this thread is not in a batch; called before anything that may wait.

    Raises:
        NotInBatch: it is.
    """
    if _current.get() is not None:
        raise NotInBatch


@contextmanager
def begun() -> Iterator[Batch]:
    """Yield a new batch; release its locks when the block ends."""
    with ExitStack() as locks:
        batch = Batch(locks)
        yield batch


@contextmanager
def deciding(batch: Batch) -> Iterator[None]:
    """Make `batch` the batch of this thread within the block."""
    token = _current.set(batch)
    try:
        yield
    finally:
        _current.reset(token)
