from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.integration.sandbox.bubblewrap import EXAMPLES
from tests.integration.stage import SLUG, Process, Stage
from tests.patience import wait_until

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
    """A stage with a mission of three packages, the last of which depends on the others."""
    plan(stage)
    return stage


def plan(stage: Stage) -> None:
    """Write and commit the mission."""
    stage.write_mission(PACKAGES)
    stage.git("add", "--", "kitty-specs")
    stage.git("commit", "-q", "-m", "plan the mission")


@pytest.fixture
def worker(mission: Stage) -> None:
    """A worker serves the mailbox."""
    serve(mission)


@pytest.fixture
def agents(mission: Stage) -> Iterator[None]:
    """Agents outside the sandbox work on packages in progress."""
    words = [sys.executable, str(EXAMPLES / "agents_outside.py"), str(mission.root), SLUG]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        yield
        process.kill()


def serve(stage: Stage, name: str = "") -> Process:
    """Start a worker and wait for its heartbeat in the outbox of the orchestrator `name`."""
    heartbeat = stage.root / ".kitty" / "outbox" / name / "worker.json"
    heartbeat.unlink(missing_ok=True)
    process = stage.start("mailbox", "serve")
    await_files([heartbeat], while_alive=process)
    return process


def await_files(paths: Sequence[Path], *, while_alive: Process | None = None) -> None:
    """Wait until all of them exist; fail if the process ends before."""
    wait_until(lambda: all(path.exists() for path in paths), str(paths), process=while_alive)


def grant(stage: Stage, text: str) -> None:
    """Write `config.toml` as the operator."""
    config = stage.root / ".kitty" / "config.toml"
    config.parent.mkdir(mode=0o755, exist_ok=True)
    config.write_text(text)
    config.chmod(0o600)
