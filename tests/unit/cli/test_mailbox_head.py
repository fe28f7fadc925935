"""`mailbox head --expect` detects changes before the head that was printed earlier."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from specify_cli.cli.mailbox import mailbox
from specify_cli.storage import records
from specify_cli.storage.layout import Layout
from specify_cli.storage.record_heads import RecordHead
from tests.unit.storage.journals import journal_of, line


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    (tmp_path / "kitty-specs").mkdir()
    return tmp_path.resolve()


def run(*words: str) -> Result:
    return CliRunner().invoke(mailbox, ["head", *words])


def changed(project: Path, order: str) -> None:
    record = records.found(Layout(project))
    assert record is not None
    record.close()
    with sqlite3.connect(record.path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(order)
    connection.close()


def test_a_printed_head_is_confirmed_after_new_entries(project: Path) -> None:
    journal = journal_of(project)
    journal.append(line("a"))
    before = run().stdout.strip()
    assert RecordHead.read(before) is not None
    assert run("--expect", before).exit_code == 0
    journal.append(line("b"))
    assert run().stdout.strip() != before
    found = run("--expect", before)
    assert (found.exit_code, found.stderr) == (0, "")
    told = json.loads(run("--expect", before, "--json").stdout)["data"]
    assert told == {
        "record": before.split(":")[0],
        "position": 2,
        "head": run().stdout.strip().split(":")[2],
        "complaint": "",
    }


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("UPDATE entry SET at = 'then' WHERE position = 1", "entry 1 is not what was committed"),
        ("UPDATE entry SET head = zeroblob(32) WHERE position = 2", "entry 2, or one before it"),
        (
            "DELETE FROM entry WHERE position = 2",
            "the record ends at entry 1, before the expected one",
        ),
        ("UPDATE meta SET value = 'X' WHERE name = 'record_id'", "this is another record, X"),
    ],
)
def test_head_reports_what_was_changed_since(project: Path, order: str, words: str) -> None:
    journal = journal_of(project)
    for name in "ab":
        journal.append(line(name))
    before = run().stdout.strip()
    changed(project, order)
    found = run("--expect", before)
    assert found.exit_code == 1
    assert words in found.stderr
    assert words in json.loads(run("--expect", before, "--json").stdout)["data"]["complaint"]


def test_head_of_an_empty_record_cannot_be_compared(project: Path) -> None:
    assert run().exit_code == 0
    found = run("--expect", f"{'0' * 26}:1:{'0' * 64}")
    assert found.exit_code == 2
    assert "the record is empty" in found.stderr


@pytest.mark.parametrize("text", ["", "x", "1:2:3", f"{'0' * 26}:1:{'g' * 64}"])
def test_head_refuses_a_malformed_expected_line(project: Path, text: str) -> None:
    found = run("--expect", text)
    assert found.exit_code == 2
    assert "give a whole line printed by 'spec-kitty mailbox head'" in found.stderr
