"""Progress of long operations: the operation reports it, and an observer shows it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sized
from contextvars import ContextVar
from typing import TypeAlias, TypeVar

Observer: TypeAlias = Callable[[int, int, str], None]
"""Called with the amount done, the total (0 if unknown), and a description."""

Item = TypeVar("Item")

_observer: ContextVar[Observer | None] = ContextVar("_observer", default=None)


@contextlib.contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Pass the reports of this thread to `observer` while the block runs."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def is_observed() -> bool:
    """Return whether there is an observer; without one, skip costly measurements."""
    return _observer.get() is not None


def report(done: int, total: int, what: str) -> None:
    """Report that `done` of `total` are done."""
    observer = _observer.get()
    if observer is not None:
        observer(done, total, what)


def counted(items: Iterable[Item], what: str, *, total: int | None = None) -> Iterator[Item]:
    """Yield the items, and report each one when the next is requested."""
    if total is None:
        total = len(items) if isinstance(items, Sized) else 0
    for done, item in enumerate(items):
        report(done, total, what)
        yield item
