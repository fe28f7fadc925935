"""Well-known queues of the same size in the same run: messages put, taken and acknowledged, one by one."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

REMARK: Final = (
    "a message put, taken and acknowledged; dirq syncs nothing, litequeue no commit (synchronous=NORMAL),"
    " persist-queue every one"
)
INSTALL: Final = "pip install 'spec-kitty[bench]'"


def rates(folder: Path, *, messages: int, size: int) -> dict[str, float]:
    """Messages a second of every installed peer, by its name."""
    return {
        name: messages / _seconds(run, folder, messages=messages, size=size)
        for name, (module, run) in PEERS.items()
        if find_spec(module)
    }


def missing() -> list[str]:
    """The names of those that are not installed."""
    return [name for name, (module, _) in PEERS.items() if not find_spec(module)]


def _seconds(
    run: Callable[[Path, list[str]], int], folder: Path, *, messages: int, size: int
) -> float:
    here = Path(tempfile.mkdtemp(dir=folder))
    bodies = [f"{number:06}" + "x" * (size - 6) for number in range(messages)]
    started = time.perf_counter()
    taken = run(here, bodies)
    took = time.perf_counter() - started
    if taken != messages:
        raise SystemExit(f"{run.__name__} took {taken} of {messages} messages")
    return took


def _dirq(folder: Path, bodies: list[str]) -> int:
    queue: Any = import_module("dirq.QueueSimple").QueueSimple(str(folder / "queue"))
    for body in bodies:
        queue.add(body)
    taken = 0
    for name in queue:
        if queue.lock(name):
            queue.get(name)
            queue.remove(name)
            taken += 1
    return taken


def _litequeue(folder: Path, bodies: list[str]) -> int:
    queue: Any = import_module("litequeue").LiteQueue(str(folder / "queue.db"))
    for body in bodies:
        queue.put(body)
    taken = 0
    while (message := queue.pop()) is not None:
        queue.done(message.message_id)
        taken += 1
    queue.close()
    return taken


def _persist_queue(folder: Path, bodies: list[str]) -> int:
    queue: Any = import_module("persistqueue").SQLiteAckQueue(
        str(folder / "queue"), auto_commit=True
    )
    for body in bodies:
        queue.put(body)
    taken = 0
    while queue.size:
        queue.ack(queue.get())
        taken += 1
    queue.close()
    return taken


PEERS: Final[dict[str, tuple[str, Callable[[Path, list[str]], int]]]] = {
    "dirq": ("dirq", _dirq),
    "litequeue": ("litequeue", _litequeue),
    "persist-queue": ("persistqueue", _persist_queue),
}
