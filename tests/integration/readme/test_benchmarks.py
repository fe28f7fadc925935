"""Every benchmark prints its figures; the table runs with less work than documented."""

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
from tests.readme.documents import ROOT
from tests.readme.test_commands import INTERPRETER, MEASURING

# One row of each kind: the others measure another command in the same way.
MEASURED = (
    "round-trip",
    "drain",
    "long-append",
    "transition",
    "through-mailbox",
    "large-state",
    "idle",
)
OTHERS = [it for it in MEASURING if not it.endswith("tests.benchmarks")]


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

    # Limits are not checked on a machine that is busy with tests.
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr == ""
    assert re.findall(r" \d+\.\d ", done.stdout)


@pytest.mark.campaign
def test_every_kind_of_row_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert f"{INTERPRETER} -m tests.benchmarks" in MEASURING
    for name, less in {"WAITING": 20, "LONG": 100, "FEW": 3, "MANY": 3, "IDLE_S": 1.0}.items():
        monkeypatch.setattr(mailbox_rows, name, less)
    monkeypatch.setattr(command_rows, "LARGE", 10)

    only = [word for name in MEASURED for word in ("--only", name)]
    assert table.main(["--quick", "--json", "--folder", str(tmp_path), *only]) == 0

    rows = json.loads(capsys.readouterr().out)["rows"]
    assert list(rows) == list(MEASURED)
    assert all(row["ratio"] > 0 for name, row in rows.items() if name != "idle")
