"""Every benchmark of the README prints its figures; the table with less to do than when it is pasted."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as table
from tests.benchmarks import command_rows, mailbox_rows
from tests.readme.test_commands import BENCHMARKS, INTERPRETER, ROOT

OTHERS = [it for it in BENCHMARKS if not it.endswith("tests.benchmarks")]


@pytest.mark.parametrize("pasted", OTHERS)
def test_every_benchmark_prints_its_figures(pasted: str) -> None:
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


def test_every_row_of_the_table_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert f"{INTERPRETER} -m tests.benchmarks" in BENCHMARKS
    for name, less in {"WAITING": 20, "LONG": 200, "FEW": 3, "MANY": 10, "IDLE_S": 1.0}.items():
        monkeypatch.setattr(mailbox_rows, name, less)
    monkeypatch.setattr(command_rows, "LARGE", 10)

    assert table.main(["--quick", "--json", "--folder", str(tmp_path)]) == 0

    rows = json.loads(capsys.readouterr().out)["rows"]
    assert list(rows) == [it.name for it in table.ROWS]
    assert all(row["ratio"] > 0 for name, row in rows.items() if name != "idle")
