from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.stage import SLUG, Stage


@pytest.fixture
def submitted(stage: Stage) -> Path:
    """The workspace of WP01, which ada has submitted; WP02 is planned."""
    stage.write_mission({"WP01": {"owned_files": ["src/**"]}, "WP02": {"owned_files": ["b/**"]}})
    begun = stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ada")
    workspace = Path(begun["workspace_path"])
    stage.commit({"src/one.py": "one\n"}, folder=workspace)
    stage.done("transition", mission=SLUG, wp="WP01", actor="ada", to="for_review")
    return workspace
