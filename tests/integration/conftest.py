from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.stage import Stage

HERE = Path(__file__).parent


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A repository with one commit; processes that the test starts are ended with it."""
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    yield made
    made.end()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that start processes or shells as long: README's command must end in two minutes."""
    for item in items:
        if HERE in item.path.parents and not item.get_closest_marker("campaign"):
            item.add_marker(pytest.mark.long)
