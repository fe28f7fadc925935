"""Helpers of the tests of batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

from specify_cli.files import locks
from specify_cli.orchestrator_api.dispatcher import Answer, Dispatcher
from specify_cli.storage.request_file import RequestFile, Wait
from tests.integration.stage import SLUG
from tests.unit.orchestrator_api.doors import body

SETTLED_S = 0.03
NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"}
Asked = tuple[str, str, dict[str, Any]]


def files(dispatcher: Dispatcher, asked: Sequence[Asked]) -> list[RequestFile]:
    made = []
    for stem, command, args in asked:
        raw = body(stem, command, args)
        lookup = dispatcher.look_up(raw)
        made.append(RequestFile(raw=raw, stem=stem, identity="default", lookup=lookup))
    return made


def codes(answers: Sequence[Answer | Wait | None]) -> list[str | None]:
    return [it.envelope["error_code"] or "OK" if isinstance(it, Answer) else None for it in answers]


def _alone(dispatcher: Dispatcher, asked: Asked, found: Answer | Wait | None) -> Answer:
    if isinstance(found, Answer):
        return found
    (file,) = files(dispatcher, [asked])
    return dispatcher.answer_bytes(file.raw, stem=file.stem, identity="default", lookup=file.lookup)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock in another thread."""
    begun, over = Event(), Event()
    path.parent.mkdir(parents=True, exist_ok=True)

    def hold() -> None:
        with locks.held(path):
            begun.set()
            over.wait()

    thread = Thread(target=hold)
    thread.start()
    begun.wait()
    yield
    over.set()
    thread.join()
