"""Tests that a lost record and its replacement are reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.stage import SLUG, Stage
from tests.records import forget

NOTE = {"mission": SLUG, "wp": "WP01", "actor": "ada", "note": "n"}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission({"WP01": {}})
    made.done("append-history", **NOTE)
    return made


def findings(stage: Stage) -> dict[str, dict[str, Any]]:
    found = stage.ask("diagnose", policy=None)["data"]["findings"]
    return {it["check"]: it for it in found if it["check"].startswith("record")}


def test_a_lost_record_and_its_replacement_are_reported(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    assert findings(stage) == {}
    forget(stage.root)
    assert findings(stage)["record"]["severity"] == "error"
    assert "is gone: the host reads only journal and logs" in caplog.text
    stage.done("append-history", **NOTE)
    assert "did not exist, and was made from journal and logs" in caplog.text
    assert [*findings(stage)] == ["record-remade"]
    assert findings(stage)["record-remade"]["severity"] == "note"


def test_a_project_of_an_older_release_has_not_lost_a_record(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    forget(stage.root)
    journal = stage.root / ".kitty" / "outbox" / "journal.jsonl"
    old = journal.read_text().replace('"contract_version":"1.5.0"', '"contract_version":"1.4.0"')
    journal.write_text(old)
    assert findings(stage) == {}
    stage.done("append-history", **NOTE)
    assert findings(stage) == {}
    assert "gone" not in caplog.text


@pytest.mark.parametrize("line", ["", "[]\n", '{"seq": 1}\n', '{"seq":1,"envelope":{}}\n', "\0\0"])
def test_an_unreadable_journal_is_not_reported_as_a_lost_record(stage: Stage, line: str) -> None:
    forget(stage.root)
    (stage.root / ".kitty" / "outbox" / "journal.jsonl").write_text(line)
    assert findings(stage) == {}
