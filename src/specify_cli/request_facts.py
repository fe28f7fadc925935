"""Facts that a request looks up once, such as where its repository is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

_T = TypeVar("_T")

_facts: Final[ContextVar[dict[Any, Any] | None]] = ContextVar("_facts", default=None)


@contextmanager
def kept() -> Iterator[None]:
    """Keep the facts that this thread looks up in the block until its end."""
    token = _facts.set({})
    try:
        yield
    finally:
        _facts.reset(token)


def once(key: object, look_up: Callable[[], _T]) -> _T:
    """Return what `look_up` returns, calling it once for each `key` in the block.

    What is false or None is not kept: a commit that is not there may be fetched meanwhile.
    """
    facts = _facts.get()
    found: _T | None = facts.get(key) if facts else None
    if found:
        return found
    found = look_up()
    if facts is not None and found:
        facts[key] = found
    return found
