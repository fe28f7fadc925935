from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.vcs.trash.workspaces import workspace


@pytest.fixture
def worktrees(tmp_path: Path) -> Path:
    folder = tmp_path / ".worktrees"
    folder.mkdir()
    return folder


@pytest.fixture
def place(worktrees: Path) -> Path:
    return workspace(worktrees / "demo-lane-a")
