from __future__ import annotations

import time
from pathlib import Path

import pytest

from specify_cli.storage import project_files
from specify_cli.storage.recorded_log import RecordedLog
from tests.records import BEGIN, CLAIM, log_in
from tests.unit.storage.conftest import SLUG
from tests.unit.storage.remembered_log.memory import SETTLED_S


@pytest.fixture
def remembered(tmp_path: Path) -> RecordedLog:
    log = log_in(tmp_path.resolve(), SLUG)
    log.append([CLAIM, BEGIN])
    time.sleep(SETTLED_S)
    log.read()
    return log


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every file that is read."""
    found: list[Path] = []
    read = project_files.read

    def noted(path: Path, **how: object) -> bytes:
        found.append(path)
        return read(path, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(project_files, "read", noted)
    return found
