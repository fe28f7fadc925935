"""The list of missions: short at a terminal, complete for a program."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from specify_cli.cli.mission import NEWEST

COUNT = NEWEST + 5


@pytest.fixture
def project(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for number in range(1, COUNT + 1):
        folder = tmp_path / "kitty-specs" / f"{number:03}-m"
        folder.mkdir(parents=True)
        meta = {"mission_slug": folder.name, "mission_number": number, "title": "A title"}
        (folder / "meta.json").write_text(json.dumps(meta))
    return tmp_path


def listed(project: Path, *words: str, out: int = subprocess.PIPE) -> str:
    command = [sys.executable, "-m", "specify_cli", "mission", "list", *words]
    env = {**os.environ, "SPECIFY_REPO_ROOT": str(project)}
    ended = subprocess.run(command, env=env, check=True, stdout=out, text=True, cwd=project)
    return ended.stdout or ""


def listed_at_terminal(project: Path, *words: str) -> list[str]:
    ours, theirs = pty.openpty()
    try:
        listed(project, *words, out=theirs)
        return os.read(ours, 65_536).decode().splitlines()
    finally:
        os.close(theirs)
        os.close(ours)


def test_at_a_terminal_the_newest_missions_and_the_number_of_others_are_listed(
    project: Path,
) -> None:
    lines = listed_at_terminal(project)
    assert len(lines) == NEWEST + 1
    assert lines[0] == f"{COUNT:03}-m  A title"
    assert "5 older" in lines[-1]
    assert "spec-kitty mission list --all" in lines[-1]


def test_at_a_terminal_all_missions_are_listed_with_the_option_all(project: Path) -> None:
    lines = listed_at_terminal(project, "--all")
    assert len(lines) == COUNT
    assert lines[-1] == "001-m  A title"


def test_without_a_terminal_all_missions_are_listed_in_order(project: Path) -> None:
    lines = listed(project).splitlines()
    assert lines == [f"{number:03}-m  A title" for number in range(1, COUNT + 1)]
    assert len(json.loads(listed(project, "--json"))["data"]["missions"]) == COUNT
