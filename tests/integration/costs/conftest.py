from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.large_mission import write_mission
from tests.benchmarks.timing import project_at


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a mission of three packages and eighteen events."""
    made = tmp_path / "project"
    made.mkdir()
    project_at(made)
    write_mission(made, packages=3)
    return made
