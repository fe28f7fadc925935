"""A project is moved while a command is unfinished: its state is right, and a repeat completes the command."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from specify_cli.storage import records
from specify_cli.storage.intents import Intents
from specify_cli.storage.layout import Layout
from tests.integration.stage import SLUG, TIMEOUT_S, Stage, environment

DYING = """
import os, signal
from specify_cli.{module} import {name}
{name}.{method} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from specify_cli.__main__ import main
main()
"""
STEPS = {
    "merge, nothing has moved": ("merge", "vcs", "merge", "apply"),
    "merge, the target has moved": ("merge", "workflow.merge_run", "MergeRun", "_record"),
    "accept, git has the commit": ("accept", "workflow.mission", "OpenMission", "append"),
}


@pytest.fixture
def inner(stage: Stage) -> Stage:
    """A project in a folder of the repository; WP01 is approved there."""
    inner = Stage(root=stage.root / "inner")
    inner.write_mission({"WP01": {"owned_files": ["inner/src/**"]}})
    stage.git("add", "-A")
    stage.git("commit", "-qm", "mission")
    inner.approve("WP01", {"inner/src/a.py": "1\n"})
    return inner


@pytest.mark.parametrize("step", STEPS)
def test_killed_command_is_completed_after_the_project_was_moved(inner: Stage, step: str) -> None:
    command, module, name, method = STEPS[step]
    if command == "merge":
        inner.done("accept-mission", mission=SLUG, actor="ada")
    program = DYING.format(module=module, name=name, method=method)
    done = subprocess.run(
        [sys.executable, "-c", program, command, "--mission", SLUG],
        cwd=inner.root,
        env=environment(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done
    assert intents(inner.root)
    moved = Stage(root=inner.root.with_name("moved"))
    inner.root.rename(moved.root)
    assert moved.lane("WP01") == "approved"
    again = moved.run(command, "--mission", SLUG)
    assert again.exit_code == 0, again
    assert intents(moved.root) == []
    if command == "accept":
        assert moved.run("merge", "--mission", SLUG).exit_code == 0
    assert moved.lane("WP01") == "done"
    assert moved.git("show", "HEAD:inner/src/a.py") == "1"
    assert [it.get("to_lane") for it in moved.events()].count("done") == 1
    assert [it.get("event_type") for it in moved.events()].count("MissionAccepted") <= 1
    verified = moved.run("mailbox", "verify")
    assert (verified.exit_code, verified.stdout.strip()) == (0, b""), verified
    doctor = moved.run("doctor")
    assert doctor.exit_code == 0, doctor


def intents(root: Path) -> list[str]:
    record = records.found(Layout(root))
    assert record is not None
    try:
        return [it.kind for it in Intents(record).all()]
    finally:
        record.close()
