"""Every command in the README and in the page of benchmarks is known and works."""

from __future__ import annotations

import shlex
from importlib.util import find_spec

import pytest

from tests.readme.console import NOT_RUN
from tests.readme.documents import BENCHMARKS, README, ROOT, pasted

QUICKSTART = (
    "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/python examples/quickstart.py"
)
TESTS = (
    "python3 -m venv .venv && .venv/bin/pip install -q -c tests/constraints.txt -e '.[test]'"
    " && .venv/bin/python -m pytest -q"
)
COMMANDS = {"quickstart-command": QUICKSTART, "test-command": TESTS}
MEASURING = [line for block in pasted(BENCHMARKS) for line in block.commands.splitlines()]
INTERPRETER = ".venv/bin/python"


def test_the_readme_has_the_quickstart_and_the_test_command():
    marked = {it.mark: it.commands.strip() for it in pasted(README) if it.mark}

    assert {mark: marked.get(mark) for mark in COMMANDS} == COMMANDS


def test_every_other_command_of_the_readme_is_run_or_installs_something():
    marks = {it.mark for it in pasted(README) if it.mark} - {*COMMANDS}

    assert all(mark.startswith(f"{NOT_RUN}installs ") for mark in marks)


def test_the_quickstart_runs_the_tested_example():
    # The commands before it create an environment, which the tests already have.
    script = shlex.split(QUICKSTART.rpartition(" && ")[2])

    assert script == [INTERPRETER, "examples/quickstart.py"]
    assert (ROOT / script[1]).is_file()


@pytest.mark.parametrize("line", MEASURING)
def test_every_benchmark_command_names_an_existing_module(line: str):
    # The long tests check that the benchmarks print their figures.
    interpreter, *words = shlex.split(line)

    assert (interpreter, words[0]) == (INTERPRETER, "-m")
    assert find_spec(words[1]) is not None
