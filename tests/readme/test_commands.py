"""Every command that the README has people paste is a known one, and works."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.readme.console import fences

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PASTED = [line for fence in fences(README, "sh") for line in fence.splitlines()]
QUICKSTART = (
    "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/python examples/quickstart.py"
)
TESTS = (
    "python3 -m venv .venv && .venv/bin/pip install -q -c tests/constraints.txt -e '.[test]'"
    " && .venv/bin/python -m pytest -q"
)
BENCHMARKS = PASTED[2:]
INTERPRETER = ".venv/bin/python"


def behind(mark: str) -> str:
    """The one line in the fence that follows the mark."""
    found = re.search(rf"^<!-- {mark} -->\n\n```sh\n(.+)\n```$", README, re.M)
    assert found is not None
    return found[1]


def test_two_commands_come_first():
    assert PASTED[:2] == [behind("quickstart-command"), behind("test-command")]
    assert PASTED[:2] == [QUICKSTART, TESTS]


def test_the_quickstart_is_the_script_that_the_tests_of_the_examples_run():
    # What comes before it makes an environment; the tests run in one.
    script = shlex.split(QUICKSTART.rpartition(" && ")[2])

    assert script == [INTERPRETER, "examples/quickstart.py"]
    assert (ROOT / script[1]).is_file()


@pytest.mark.parametrize("pasted", BENCHMARKS)
def test_every_benchmark_is_a_module(pasted: str):
    # That they print their figures is among the long tests.
    interpreter, *words = shlex.split(pasted)

    assert (interpreter, words[0]) == (INTERPRETER, "-m")
    assert find_spec(words[1]) is not None
