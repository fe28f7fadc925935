"""Programs that a dead process left running."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from specify_cli import processes
from specify_cli.processes import VARIABLE, Process

RESTARTS = 4


@pytest.fixture
def dead() -> Process:
    ended = subprocess.Popen(["true"])
    ended.wait()
    return processes.this_process()._replace(pid=ended.pid, started="1")


@pytest.fixture
def started(dead: Process) -> Iterator[list[subprocess.Popen[bytes]]]:
    found: list[subprocess.Popen[bytes]] = []
    yield found
    for process in found:
        process.kill()
        process.wait()


def test_a_program_started_during_the_cleanup_is_ended_too(
    dead: Process, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a program that forks between the listing of /proc and its own end."""

    def start() -> None:
        started.append(subprocess.Popen(["sleep", "600"], env={**os.environ, VARIABLE: str(dead)}))

    def send(*args: Any) -> None:
        really_send(*args)
        if len(started) <= RESTARTS:
            start()

    really_send = processes._send
    monkeypatch.setattr(processes, "_send", send)
    start()
    processes.end_orphans(dead)
    assert len(started) == RESTARTS + 1
    assert [it.poll() is None for it in started] == [False] * len(started)
