"""A record restored from a backup refuses changes until a person has the missing lines imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.record.backups import back_up, put_back
from tests.integration.stage import SLUG, Stage


@pytest.fixture
def restored(stage: Stage, tmp_path: Path) -> Stage:
    """The backup is from before WP02 was canceled, WP01 approved and the mission accepted."""
    folder = stage.write_mission({"WP01": {"owned_files": ["src/one/**"]}, "WP02": {}})
    stage.git("add", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ada", note="begins")
    back_up(stage, tmp_path / "backup")
    stage.done("transition", mission=SLUG, wp="WP02", to="canceled", actor="ada", note="no")
    stage.approve("WP01", {"src/one/a.py": "1\n"})
    stage.done("accept-mission", mission=SLUG, actor="ada", correlation_id="accepting")
    put_back(stage, tmp_path / "backup")
    return stage


def start(stage: Stage) -> str | None:
    done = stage.run("move", "WP01", "blocked", "--mission", SLUG, "--actor", "bo", "--json")
    return done.code


def test_changes_are_refused_until_doctor_imports_the_missing_lines(restored: Stage) -> None:
    before = restored.log().read_bytes()
    assert start(restored) == "STATE_UNREADABLE"
    refused = restored.ask("append-history", mission=SLUG, wp="WP01", actor="bo", note="n")
    assert "ends at line 1 of the journal" in refused["data"]["message"]
    assert "'spec-kitty doctor --fix'" in refused["data"]["message"]
    assert restored.log().read_bytes() == before
    assert restored.lane("WP01") == "approved"
    assert restored.run("mailbox", "verify").exit_code == 1
    assert restored.run("doctor", "--fix").exit_code in (0, 1)
    again = restored.ask("accept-mission", mission=SLUG, actor="ada", correlation_id="accepting")
    assert again["success"]
    restored.done("append-history", mission=SLUG, wp="WP01", actor="bo", note="goes on")
    assert restored.lane("WP01") == "approved"
    done = restored.run("mailbox", "verify")
    assert (done.exit_code, done.stdout) == (0, b""), done
    assert b"it was restored from a backup" in done.stderr


def test_worker_answers_nothing_until_doctor_imports_the_missing_lines(restored: Stage) -> None:
    restored.put("one", "append-history", mission=SLUG, wp="WP01", actor="bo", note="n")
    assert restored.run("mailbox", "serve", "--once").exit_code != 0
    assert "one" not in restored.replies()
    assert restored.run("doctor", "--fix").exit_code in (0, 1)
    assert restored.run("mailbox", "serve", "--once").exit_code == 0
    assert restored.reply("one")["success"]


def test_restored_record_is_detected_by_archived_lines(stage: Stage, tmp_path: Path) -> None:
    stage.write_mission({"WP01": {}, "WP02": {}})
    config = stage.root / ".kitty" / "config.toml"
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ada", note="begins")
    config.write_text("journal_max_bytes = 0\n")
    config.chmod(0o644)
    back_up(stage, tmp_path / "backup")
    stage.done("start-implementation", mission=SLUG, wp="WP02", actor="bo")
    (stage.root / ".kitty" / "outbox" / "journal.jsonl").unlink()
    for note in ("one", "two"):
        stage.done("append-history", mission=SLUG, wp="WP01", actor="ada", note=note)
        assert stage.run("mailbox", "prune", "--yes").exit_code == 0
    put_back(stage, tmp_path / "backup")
    stage.log().unlink()
    refused = stage.ask("start-implementation", mission=SLUG, wp="WP02", actor="thief")
    assert refused["error_code"] == "STATE_UNREADABLE"
    assert stage.run("doctor", "--fix").exit_code in (0, 1)
    assert stage.run("mailbox", "verify").stdout.count(b"has no line") == 0
