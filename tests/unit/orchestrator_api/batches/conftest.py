from __future__ import annotations

import time

import pytest

from specify_cli import bootstrap
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from specify_cli.storage.project import Project
from specify_cli.workflow import lost_heads
from tests.integration.stage import Stage
from tests.unit.orchestrator_api.batches.requests import SETTLED_S


@pytest.fixture
def dispatcher(project: Stage) -> Dispatcher:
    time.sleep(SETTLED_S)
    # A worker does so when it starts.
    lost_heads.require_current(Project(project.root))
    return bootstrap.dispatcher(project.root)
