from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.integration.sandbox.bubblewrap import EXAMPLES
from tests.integration.stage import SLUG, Stage

STARTS_WITHIN_S = 30
GLANCE_S = 0.02
PACKAGES = {
    "WP01": {"title": "Write index.py", "owned_files": ["index.py"], "subtasks": ["T001"]},
    "WP02": {"title": "Write query.py", "owned_files": ["query.py"], "subtasks": ["T002"]},
    "WP03": {
        "title": "Write search.py",
        "owned_files": ["search.py"],
        "dependencies": ["WP01", "WP02"],
    },
}


@pytest.fixture
def mission(stage: Stage) -> Stage:
    """A stage with a mission of three packages, the last of which waits for the others."""
    stage.write_mission(PACKAGES)
    stage.git("add", "--", "kitty-specs")
    stage.git("commit", "-q", "-m", "plan the mission")
    return stage


@pytest.fixture
def worker(mission: Stage) -> None:
    """Somebody serves the mailbox."""
    serve(mission)


@pytest.fixture
def agents(mission: Stage) -> Iterator[None]:
    """Outside, agents take up whatever goes in progress."""
    words = [sys.executable, str(EXAMPLES / "agents_outside.py"), str(mission.root), SLUG]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        yield
        process.kill()


def serve(stage: Stage) -> None:
    """A worker has taken its place."""
    process = stage.start("mailbox", "serve")
    heartbeat = stage.root / ".kitty" / "outbox" / "worker.json"
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not heartbeat.exists():
        assert time.monotonic() < deadline, "the worker does not start"
        assert process.poll() is None, process.communicate()
        time.sleep(GLANCE_S)
