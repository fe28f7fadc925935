from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.terminal_status.screen import Screen


@pytest.fixture
def screen() -> Iterator[Screen]:
    """A terminal, closed with the test."""
    # Not tmp_path: a socket's path may have about a hundred characters at most.
    with tempfile.TemporaryDirectory() as folder:
        opened = Screen(socket=Path(folder) / "tmux")
        yield opened
        opened.close()
