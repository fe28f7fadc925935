"""The commands in CONTRIBUTING.md are those that the build runs."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^ *```sh\n(.+?)^ *```$", re.M | re.S)


def told_to_contributors() -> list[str]:
    text = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return [block.strip() for block in BLOCK.findall(text)]


def run_by_the_build() -> str:
    return (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def program_exists(command: str) -> bool:
    """Whether the program and its script or module exist."""
    program, *arguments = shlex.split(command)
    if program.startswith(".venv/bin/"):
        return Path(sys.executable).with_name(Path(program).name).exists()
    if arguments[:1] == ["-m"] and arguments[1] != "venv":
        return (ROOT / arguments[1].replace(".", "/") / "__main__.py").is_file()
    return program == "python3" or (program == "bash" and (ROOT / arguments[0]).is_file())


def test_contributing_lists_five_commands():
    assert len(told_to_contributors()) == 5


@pytest.mark.long  # The README's test command installs no linters.
def test_every_listed_command_exists():
    parts = [part for command in told_to_contributors() for part in command.split(" && ")]

    assert [part for part in parts if not program_exists(part)] == []


def test_the_readme_runs_the_tests_with_the_first_two_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    _, _, rest = readme.partition("<!-- test-command -->")
    block = BLOCK.search(rest)

    assert block is not None
    # Most of the download of `dev` are the linters, which the tests do not need.
    told = " && ".join(told_to_contributors()[:2])
    assert block[1].strip() == told.replace("'.[dev]'", "'.[test]'")


def test_the_build_runs_the_listed_linters_and_boundary_checker():
    _, _, linters, boundary, _ = told_to_contributors()
    stages = re.findall(r'^stage ".+?" (.+)$', run_by_the_build(), re.M)

    assert {*linters.split(" && "), boundary} <= set(stages)


def test_the_workflows_run_the_same_commands():
    _, _, _, boundary, build = told_to_contributors()
    workflows = ROOT / ".github" / "workflows"

    assert f"- run: {build}\n" in (workflows / "ci.yml").read_text(encoding="utf-8")
    assert f"- run: {boundary}\n" in (workflows / "orchestrator-boundary.yml").read_text(
        encoding="utf-8"
    )
