"""A project with a planned mission, and a real worker."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import wait_until

PROGRAM = [sys.executable, "-m", "specify_cli"]
GLANCE_S = 0.02


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart's mission, not started, in a repository of its own; to be copied."""
    root = tmp_path_factory.mktemp("untouched")
    git, kitty = ["git"], PROGRAM
    add = [*kitty, "tasks", "add", "1"]
    for command in (
        [*git, "init", "-q", "-b", "main"],
        [*git, "commit", "-q", "--allow-empty", "-m", "Begin"],
        [*kitty, "init"],
        [*kitty, "mission", "create", "Full-text search"],
        [*add, "Index", "--owns", "index.py", "--prompt", "Write index.py"],
        [*add, "Query", "--owns", "query.py", "--prompt", "Write query.py"],
        [
            *add,
            "Search",
            "--depends-on",
            "WP01",
            "--depends-on",
            "WP02",
            "--prompt",
            "Write search.py",
        ],
        [*kitty, "tasks", "finalize", "1"],
        [*git, "add", "kitty-specs"],
        [*git, "commit", "-q", "-m", "Plan"],
    ):
        subprocess.run(command, cwd=root, check=True, capture_output=True)
    return root


@pytest.fixture
def project(untouched: Path, tmp_path: Path) -> Path:
    """The quickstart's mission, not started, in a repository of its own."""
    return shutil.copytree(untouched, tmp_path / "project", symlinks=True)


@pytest.fixture
def worker(project: Path) -> Iterator[None]:
    """A worker serves the project's mailbox."""
    with subprocess.Popen(
        [*PROGRAM, "mailbox", "serve"], cwd=project, stderr=subprocess.DEVNULL
    ) as process:
        try:
            heartbeat = project / ".kitty" / "outbox" / "worker.json"
            wait_until(heartbeat.exists, "the worker's first heartbeat", process=process)
            yield
        finally:
            process.terminate()
