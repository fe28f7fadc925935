"""Calls that may hang, because a disk does not answer or a lock stays taken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any


class BoundedCalls:
    """Runs each call in a daemon thread of its own, which neither the caller nor the exit of the process waits for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pending: set[str] = set()
        self._results: dict[str, Any] = {}
        self._failures: dict[str, Exception] = {}

    def start(self, name: str, call: Callable[[], Any]) -> None:
        """Begin the call, unless one of this name was begun; a call may start others."""
        with self._changed:
            if name in self._pending or name in self._results or name in self._failures:
                return
            self._pending.add(name)
        threading.Thread(target=self._run, args=(name, call), name=name, daemon=True).start()

    def wait(self, within_s: float) -> tuple[Mapping[str, Any], Mapping[str, Exception]]:
        """Return the results, and the errors, of the calls that ended within that time."""
        with self._changed:
            self._changed.wait_for(lambda: not self._pending, within_s)
            return dict(self._results), dict(self._failures)

    def _run(self, name: str, call: Callable[[], Any]) -> None:
        result, failure = None, None
        try:
            result = call()
        except Exception as error:  # noqa: BLE001  the caller decides
            failure = error
        with self._changed:
            if failure is None:
                self._results[name] = result
            else:
                self._failures[name] = failure
            self._pending.discard(name)
            self._changed.notify_all()
