from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.hostile_input.served import Served
from tests.integration.stage import Stage


@pytest.fixture
def served(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Served]:
    """A mailbox with a worker and an honest orchestrator; the costs go into the report."""
    yield from _serving(stage, request)


@pytest.fixture
def served_on_disk(request: pytest.FixtureRequest) -> Iterator[Served]:
    """The same on a real disk, where device files can be opened."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(root=Path(folder) / "project")
        stage.make_repository()
        yield from _serving(stage, request)


def _serving(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Served]:
    made = Served(stage=stage, outside=stage.root.parent / "outside")
    made.lay_out()
    yield made
    made.end()
    stage.end()
    # As `record_property` does, without its warning about a format that we do not write.
    request.node.user_properties += [
        ("hostile_inputs", made.inputs),
        ("peak_kib", made.peak_kib),
        ("answered_meanwhile", made.honest.answered if made.honest else 0),
        ("slowest_ms", round(1000 * made.honest.slowest_s) if made.honest else 0),
    ]
