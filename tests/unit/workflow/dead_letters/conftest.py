from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.storage.project import Project
from specify_cli.workflow.dead_letters import DeadLetters


@pytest.fixture
def letters(tmp_path: Path) -> DeadLetters:
    made = DeadLetters(Project(tmp_path))
    made.folder.folder.mkdir(parents=True)
    (tmp_path / ".kitty" / "inbox").mkdir()
    return made
