"""The example with the client package gets the mission merged through both interfaces."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.examples.conftest import PROGRAM
from tests.integration.examples.test_file_orchestrator import EXAMPLES, MISSION, lanes

EXAMPLE = EXAMPLES / "parallel_orchestrator.py"
LONGEST = 60


def command(where: Path, mission: str = MISSION) -> list[str]:
    return [sys.executable, str(EXAMPLE), str(where), mission]


def environment() -> dict[str, str]:
    """An environment with the programs of this interpreter on the path."""
    beside = str(Path(sys.executable).parent)
    return os.environ | {"PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}


def test_example_has_fewer_than_60_lines() -> None:
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) < LONGEST


@pytest.mark.campaign
def test_example_works_at_the_command_line(project: Path) -> None:
    # Each request starts the program, so this test has one package less.
    canceling = ["move", "WP03", "canceled", "--mission", MISSION, "--note", "not now"]
    subprocess.run([*PROGRAM, *canceling], cwd=project, check=True, capture_output=True)
    said = subprocess.run(
        command(project), env=environment(), check=True, capture_output=True, text=True
    ).stdout

    assert lanes(project) == ["done", "done", "canceled"]
    assert "WP02 in_progress" in said
    # Both started before one of them ended.
    assert {it.split()[0] for it in said.splitlines()[:2]} == {"WP01", "WP02"}


@pytest.mark.usefixtures("worker")
def test_restarted_orchestrator_gets_the_mission_merged_through_the_mailbox(project: Path):
    with subprocess.Popen(command(project / ".kitty"), stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert any("for_review" in line for line in first.stdout)
        first.kill()

    subprocess.run(command(project / ".kitty"), check=True, capture_output=True)

    assert lanes(project) == ["done", "done", "done"]
    assert (project / "search.py").is_file()


@pytest.mark.usefixtures("worker")
def test_work_of_a_failed_agent_is_not_submitted(project: Path) -> None:
    prompt = next((project / "kitty-specs" / MISSION / "tasks").glob("WP01*"))
    prompt.write_text(
        prompt.read_text(encoding="utf-8").replace("Write ", "Draw "), encoding="utf-8"
    )

    ended = subprocess.run(command(project / ".kitty"), capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert "parallel_orchestrator: WP01: the agent failed to implement" in ended.stderr
    assert lanes(project)[0] == "in_progress"


def test_errors_are_reported_without_a_traceback(project: Path) -> None:
    for words, what in (([], "usage:"), ([str(project), "2"], "MISSION_NOT_FOUND")):
        called = [sys.executable, str(EXAMPLE), *words]
        done = subprocess.run(
            called, env=environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert what in done.stderr
        assert "Traceback" not in done.stderr
