from __future__ import annotations

import pytest

from tests.integration.stage import Stage


@pytest.fixture
def stage(stage_in_memory: Stage) -> Stage:
    """What a killed process has written is there, synced or not."""
    return stage_in_memory
