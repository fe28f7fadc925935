from __future__ import annotations

import shutil

import pytest

from tests.integration.stage import Stage

SAME_LANE = {"WP01": {"owned_files": ["a/**"]}, "WP02": {"owned_files": ["a/b/**"]}}


@pytest.fixture
def two(stage: Stage) -> Stage:
    """A mission of two packages that share one execution lane."""
    shutil.rmtree(stage.root / "kitty-specs")
    stage.write_mission(SAME_LANE)
    return stage
