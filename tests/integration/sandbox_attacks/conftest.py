from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.sandbox_attacks.world import World


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A project that is copied for each attack."""
    return World.planned(tmp_path_factory.mktemp("template"))


@pytest.fixture
def world(template: World, tmp_path: Path) -> World:
    """An agent has started its package and committed."""
    return template.copy(tmp_path / "world")


@pytest.fixture
def told(request: pytest.FixtureRequest) -> None:
    """Record the name of the test for the table."""
    name = request.node.originalname.removeprefix("test_").replace("_", " ")
    request.node.user_properties.append(("named", json.dumps(name)))
