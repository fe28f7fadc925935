from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from freezegun import freeze_time

from tests.integration.claims.claims import NOW, SHARED, Clock, start
from tests.integration.stage import Stage


@pytest.fixture
def clock() -> Iterator[Clock]:
    with freeze_time(NOW) as frozen:
        yield Clock(frozen)


@pytest.fixture
def held(stage: Stage, clock: Clock) -> Path:
    """The workspace of WP01, which ada works on; WP02 waits for the same execution lane."""
    stage.write_mission(SHARED)
    return Path(start(stage, "ada")["data"]["workspace_path"])
