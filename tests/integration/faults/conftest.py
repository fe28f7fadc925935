from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import campaign, shim
from tests.faults.campaign import Ground


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Scratch projects for injected faults, in an environment isolated from other tests."""
    folder: Path = tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in campaign.ISOLATION.items():
            environment.setenv(name, value)
        made = Ground(folder, shim.build(folder))
        yield made
        made.close()
