from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.stage import Stage


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A real project with a mission of two packages, the second depending on the first."""
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission({"WP01": {}, "WP02": {"dependencies": ["WP01"]}})
    return made
