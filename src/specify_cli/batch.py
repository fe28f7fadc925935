"""Requests that one thread decides one after the other, before all of them are committed at once.

What is decided in a batch waits for nobody: neither for a lock that somebody else holds, nor for git, nor for files
that have to be read first. Whatever would wait raises `NotInBatch`, and is answered alone by who has the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final


class NotInBatch(BaseException):
    """A request has to be answered alone; nothing was done for it yet. No handler may take it for a fault."""


class Batch:
    """One batch.

    Attributes:
        locks: What it holds until its end; `held` has their descriptors.
        logs: The logs that it has added to, by the missions' folders.
        missions: What it has read of missions, by their folders: it is decided as of one moment.
    """

    def __init__(self, locks: ExitStack) -> None:
        self.locks = locks
        self.held: dict[Path, int] = {}
        self.logs: dict[str, Any] = {}
        self.missions: dict[str, Any] = {}


_current: Final[ContextVar[Batch | None]] = ContextVar("batch", default=None)


def current() -> Batch | None:
    """The batch that this thread decides in; None outside one."""
    return _current.get()


def require_none() -> None:
    """Called before anything that may take its time. Raises: NotInBatch."""
    if _current.get() is not None:
        raise NotInBatch


@contextmanager
def begun() -> Iterator[Batch]:
    """A batch, whose locks are free again when the block ends."""
    with ExitStack() as locks:
        batch = Batch(locks)
        yield batch


@contextmanager
def deciding(batch: Batch) -> Iterator[None]:
    """In the block, this thread decides in the batch."""
    token = _current.set(batch)
    try:
        yield
    finally:
        _current.reset(token)
