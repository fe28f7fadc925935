"""Progress of long work: the work reports it, and an observer shows it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sized
from contextvars import ContextVar
from typing import TypeAlias, TypeVar

Observer: TypeAlias = Callable[[int, int, str], None]
"""Is told how much is done, of how much (0 where nobody knows), and what it is."""

Thing = TypeVar("Thing")

_observer: ContextVar[Observer | None] = ContextVar("_observer", default=None)


@contextlib.contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """While the block runs, `observer` is told what this thread reports."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def is_observed() -> bool:
    """Whether somebody looks: where nobody does, what costs something need not be measured."""
    return _observer.get() is not None


def report(done: int, total: int, what: str) -> None:
    """So much of `what` is done."""
    observer = _observer.get()
    if observer is not None:
        observer(done, total, what)


def counted(things: Iterable[Thing], what: str, *, total: int | None = None) -> Iterator[Thing]:
    """The things, each of which is reported when the next one is asked for."""
    if total is None:
        total = len(things) if isinstance(things, Sized) else 0
    for done, thing in enumerate(things):
        report(done, total, what)
        yield thing
