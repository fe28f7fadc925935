"""Every benchmark of the README, as it is pasted."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from tests.readme.test_commands import BENCHMARKS, INTERPRETER, ROOT


@pytest.mark.parametrize("pasted", BENCHMARKS)
def test_every_benchmark_prints_its_figures(pasted: str):
    interpreter, *words = shlex.split(pasted)
    assert interpreter == INTERPRETER

    done = subprocess.run(
        [sys.executable, *words, "--runs", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    # Whether a limit holds is no question for a machine that is busy with tests.
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr == ""
    assert re.findall(r" \d+\.\d ", done.stdout)
