from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.published_client.run import Run
from tests.integration.stage import Stage


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for bytecode, as an installed host has next to its source."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def run(
    stage: Stage,
    tmp_path: Path,
    bytecode: Path,
    request: pytest.FixtureRequest,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """A project for a client; the costs of the test are printed at its end."""
    desk = tmp_path / "desk"
    desk.mkdir()
    made = Run(stage=stage, desk=desk, bytecode=bytecode)
    began = time.monotonic()
    yield made
    seconds = time.monotonic() - began
    made.end()
    with capfd.disabled():  # On stderr, because a worker of xdist has no other way to the terminal.
        cost = f"{seconds:.1f} s, {made.host_calls} host calls"
        print(f"\n{request.node.name}: {cost}", file=sys.stderr)
