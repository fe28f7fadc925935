from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from specify_cli.storage.journal import Journal
from specify_cli.storage.layout import Layout
from tests.unit.storage.journals import journal_of, line
from tests.unit.storage.published_journal.parts import held_open


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Three lines: a, b and c."""
    journal = journal_of(tmp_path)
    for name in "abc":
        journal.append(line(name, envelope={"n": name}))
    return journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The newest part."""
    return Layout(tmp_path).journal


@pytest.fixture(autouse=True)
def closed_at_the_end() -> Iterator[None]:
    yield
    while held_open:
        os.close(held_open.pop())
