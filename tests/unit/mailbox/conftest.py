from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.worker import Worker
from tests.unit.mailbox.recording import SETTINGS, RecordingDispatcher


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
    """Runs a new worker until nothing waits."""
    return lambda: Worker(layout, dispatcher, settings=SETTINGS, log=log.append).drain()
