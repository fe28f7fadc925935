from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.stage import Stage
from tests.unit.workflow.patient import Patient


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A real project with a mission of one package."""
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission({"WP01": {}})
    return made


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    root = tmp_path / "project"
    root.mkdir()
    return Patient(root)
