from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.merging.agents import OTHER
from tests.integration.stage import SLUG, Stage


@pytest.fixture
def workspace(stage: Stage) -> Path:
    """The workspace of a started package; the project has another mission."""
    stage.write_mission({"WP01": {"owned_files": ["a/**"]}})
    stage.write_mission({"WP01": {"owned_files": ["c/**"]}}, slug=OTHER)
    (stage.root / "kitty-specs" / SLUG / "tasks.md").write_text("# Tasks\n")
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "plan")
    begun = stage.done("start-implementation", mission=SLUG, wp="WP01", actor="coder")
    return Path(begun["workspace_path"])
