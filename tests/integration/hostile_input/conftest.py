from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.hostile_input.served import Served
from tests.integration.stage import Stage

# Thousands of syncs prove nothing here, so they go where they cost nothing.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


@pytest.fixture
def served(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A mailbox with a worker and an honest orchestrator; what it cost goes into the report."""
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        stage = Stage(root=Path(folder) / "project")
        stage.make_repository()
        yield from _serving(stage, request)


@pytest.fixture
def served_on_disk(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Served]:
    """The same on a real disk, where devices can be opened."""
    yield from _serving(stage, request)


def _serving(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Served]:
    made = Served(stage=stage, outside=stage.root.parent / "outside")
    made.lay_out()
    yield made
    made.end()
    stage.end()
    # What `record_property` does, without its warning about a format that we do not write.
    request.node.user_properties += [
        ("hostile_inputs", made.inputs),
        ("peak_kib", made.peak_kib),
        ("answered_meanwhile", made.honest.answered if made.honest else 0),
        ("slowest_ms", round(1000 * made.honest.slowest_s) if made.honest else 0),
    ]
