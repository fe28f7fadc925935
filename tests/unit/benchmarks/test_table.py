"""The command of the benchmarks: its rows, options and ratios. Nothing is timed here."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks.report import Found, Row, Setting, as_json, machine, table

FOUND = Found(ours=[3.0, 1.0, 2.0], floor=[0.5, 0.5], unit="ms", peers={"other": 7.0})


def measured(setting: Setting) -> Found:
    assert list(setting.folder.iterdir()) == []
    return replace(FOUND, remark=f"{setting.rounds} rounds")


ROW = Row(name="one", what="a call", floor="nothing", reach=4.0, measure=measured)


def test_the_ratio_compares_medians() -> None:
    assert FOUND.ratio == 4.0


@pytest.mark.parametrize(
    ("reach", "is_rate", "is_reached"),
    [(4.0, False, True), (3.9, False, False), (4.0, True, True), (4.1, True, False)],
)
def test_a_time_has_an_upper_bound_and_a_rate_a_lower_one(
    reach: float, is_rate: bool, is_reached: bool
) -> None:
    assert replace(ROW, reach=reach, is_rate=is_rate).is_reached(FOUND) is is_reached


def test_the_table_shows_the_ratio_first_and_the_peers_below() -> None:
    _, row, peer = table([(ROW, FOUND)]).splitlines()
    assert row.split()[:8] == ["one", "4.000", "<=", "4", "yes", "2.00", "ms", "0.50"]
    assert row.endswith("a call, to nothing")
    assert peer.strip() == "other: 7.00 ms"


def test_the_json_has_every_sample_and_the_machine(tmp_path: Path) -> None:
    told = as_json([(ROW, FOUND)], facts=machine(tmp_path))
    row = told["rows"]["one"]
    assert (row["ratio"], row["samples"], row["peers"]) == (4.0, [3.0, 1.0, 2.0], {"other": 7.0})
    assert set(told["machine"]) == {"python", "sqlite", "system", "cores", "file_system", "load"}


def test_only_the_selected_row_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "ROWS", (ROW, replace(ROW, name="two")))
    assert (
        command.main(["--only", "two", "--rounds", "2", "--json", "--folder", str(tmp_path)]) == 0
    )
    out, progress = capsys.readouterr()
    assert list(json.loads(out)["rows"]) == ["two"]
    assert json.loads(out)["rows"]["two"]["remark"] == "2 rounds"
    assert progress == "1/1 two\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "three"], "choose from"),
        (["--rounds", "0"], "at least 1"),
        (["--folder", "/nowhere"], "/nowhere is not a folder"),
    ],
)
def test_invalid_options_are_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_row_names_are_unique() -> None:
    names = [it.name for it in command.ROWS]
    assert len(set(names)) == len(names)
