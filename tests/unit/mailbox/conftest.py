from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from specify_cli.mailbox import loop
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.settings import Orchestrator
from specify_cli.mailbox.worker import Watching, Worker
from tests.unit.mailbox.recording import SETTINGS, RecordingDispatcher

MakeWorker = Callable[..., Worker]
Serving = Callable[..., None]


@pytest.fixture(autouse=True)
def _frequent_upkeep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "UPKEEP_INTERVAL_S", 0.02)


@pytest.fixture
def layout(tmp_path: Path) -> MailboxLayout:
    made = MailboxLayout(tmp_path)
    made.ensure()
    return made


@pytest.fixture
def dispatcher(layout: MailboxLayout) -> RecordingDispatcher:
    return RecordingDispatcher(layout)


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def drain(
    layout: MailboxLayout, dispatcher: RecordingDispatcher, log: list[str]
) -> Callable[[], None]:
    """Run a new worker until no request waits."""
    return lambda: Worker(layout, dispatcher, settings=SETTINGS, log=log.append).drain()


@pytest.fixture
def worker(layout: MailboxLayout, dispatcher: RecordingDispatcher, log: list[str]) -> MakeWorker:
    def make(*orchestrators: Orchestrator, **changes: Any) -> Worker:
        settings = dataclasses.replace(SETTINGS, orchestrators=orchestrators, **changes)
        return Worker(layout, dispatcher, settings=settings, log=log.append)

    return make


@pytest.fixture
def serving(worker: MakeWorker) -> Iterator[Serving]:
    """Run a worker until the test ends."""
    ends: list[Callable[[], None]] = []

    def serve(*orchestrators: Orchestrator, watch: Watching | None = None, **changes: Any) -> None:
        made = worker(*orchestrators, **changes)
        thread = threading.Thread(target=made.serve, args=(watch,), daemon=True)
        thread.start()
        ends.extend([made.stop, thread.join])

    yield serve
    for end in ends:
        end()
