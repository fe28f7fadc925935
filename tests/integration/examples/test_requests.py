"""The same request by shell scripts, through the mailbox and at the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
OF_EACH_REQUEST = {"timestamp", "correlation_id"}


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    beside = str(Path(sys.executable).parent)
    return subprocess.run(
        ["sh", str(EXAMPLES / script), *arguments],
        env=os.environ | {"PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def answer(script: str, project: Path) -> dict[str, Any]:
    done = run(script, str(project))
    assert done.returncode == 0, done.stderr
    envelope: dict[str, Any] = json.loads(done.stdout)
    return envelope


@pytest.mark.usefixtures("worker")
def test_both_interfaces_give_a_shell_script_the_same_answer(project: Path):
    by_file, by_command = answer("request.sh", project), answer("request-cli.sh", project)

    assert by_file["success"]
    assert by_file["correlation_id"].startswith("shell-")
    assert by_file.keys() == by_command.keys()
    assert [key for key in by_file if by_file[key] != by_command[key]] == [
        key for key in by_file if key in OF_EACH_REQUEST
    ]


@pytest.mark.parametrize("script", ["request.sh", "request-cli.sh"])
def test_script_without_arguments_prints_its_usage(script: str):
    done = run(script)

    assert done.returncode != 0
    assert f"usage: {script}" in done.stderr


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_executable(script: Path):
    assert os.access(script, os.X_OK)
