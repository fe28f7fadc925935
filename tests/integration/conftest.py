from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.stage import Stage

HERE = Path(__file__).parent
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A repository with one commit; every process that the test starts ends with it."""
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    yield made
    made.end()


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder where a sync costs nothing, where the system has one."""
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def stage_in_memory(memory: Path) -> Iterator[Stage]:
    """The same as `stage` for tests whose thousands of syncs prove nothing."""
    made = Stage(root=memory / "project")
    made.make_repository()
    yield made
    made.end()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever starts processes or shells is long: what people paste must be done in two minutes."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.long)
