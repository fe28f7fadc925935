from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.sandbox_attacks.world import World


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A project that each attack has a copy of."""
    return World.planned(tmp_path_factory.mktemp("template"))


@pytest.fixture
def world(template: World, tmp_path: Path) -> World:
    """An agent has begun its package, and committed."""
    return template.copy(tmp_path / "world")
