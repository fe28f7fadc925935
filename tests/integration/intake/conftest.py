from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.intake.attacks import World
from tests.integration.intake.workspaces import Scene

Note = Callable[[str, object], None]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene.make(tmp_path)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world that is copied for each attack."""
    return World.make(tmp_path_factory.mktemp("template"))


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Record a line for the table."""
    return lambda name, fact: request.node.user_properties.append((name, json.dumps(fact)))
