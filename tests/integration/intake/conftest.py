from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.intake.workspaces import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene.make(tmp_path)
