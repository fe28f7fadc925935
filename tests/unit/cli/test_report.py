"""`spec-kitty report` writes the file and prints a summary."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from specify_cli.cli.main import root
from tests.integration.stage import SLUG, Stage


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission({"WP01": {}})
    monkeypatch.chdir(made.root)
    made.done("append-history", mission=SLUG, wp="WP01", actor="ada", note="n")
    return made


def report(*words: str) -> Result:
    return CliRunner().invoke(root, ["report", *words], prog_name="spec-kitty")


def test_report_writes_the_file_and_prints_a_summary(stage: Stage):
    done = report("--html", "out.html")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "wrote out.html: missions: 1, requests: 1\n"
    assert report("--html", "out.html", "--since", "0s").stdout.endswith("requests: 0\n")
    assert report("--html", "out.html", "--since", "2h").stdout.endswith("requests: 1\n")
    assert "The chain is sound" in (stage.root / "out.html").read_text()


@pytest.mark.long
def test_report_warns_of_a_changed_journal(stage: Stage):
    journal = stage.root / ".kitty" / "outbox" / "journal.jsonl"
    journal.write_text(journal.read_text().replace("ada", "eve"))
    done = report("--html", "out.html")
    assert done.exit_code == 0
    assert "warning: the record is not sound: journal.jsonl line 1" in done.stderr
    assert "next: spec-kitty mailbox verify" in done.stderr
    assert "1 inconsistency" in (stage.root / "out.html").read_text()
    said = json.loads(report("--html", "out.html", "--json").stdout)["data"]
    assert (said["file"], said["requests"]) == ("out.html", 1)
    assert len(said["problems"]) == 1


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "exit_code", "told"),
    [
        (["--html", "README.md"], 2, "--force"),
        (["--html", "gone/out.html"], 2, "there is no folder gone"),
        (["--html", "out.html", "--mission", "gone"], 1, "spec-kitty mission list"),
        (["--html", "out.html", "--since", "soon"], 2, "such as 2h"),
        ([], 2, "--html"),
    ],
)
def test_report_with_invalid_arguments_writes_nothing(
    stage: Stage, words: Sequence[str], exit_code: int, told: str
):
    done = report(*words)
    assert done.exit_code == exit_code
    assert told in done.stderr
    assert not (stage.root / "out.html").exists()
    assert (stage.root / "README.md").read_text() == "read me\n"
