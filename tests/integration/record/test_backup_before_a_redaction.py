"""A backup from before a redaction is restored: the text is redacted again, or the command for it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.record.backups import back_up, put_back
from tests.integration.record.test_redact import SECRET, holders, redact
from tests.integration.stage import SLUG, Stage


@pytest.fixture
def restored(stage: Stage, tmp_path: Path) -> Stage:
    """Since the backup, a secret in a note, a refused request and the answer of a read was redacted."""
    stage.write_mission({"WP01": {}, "WP02": {}})
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ada")
    stage.put("one", "append-history", mission=SLUG, wp="WP01", actor="ada", note=f"use {SECRET}!")
    stage.put("two", "transition", mission=SLUG, wp="WP01", actor="ada", to=f"lane {SECRET}")
    stage.put("read", "mission-state", mission=f"{SECRET}")
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    back_up(stage, tmp_path / "backup")
    for about in ("one", "two", "read"):
        assert redact(stage, about).exit_code == 0
    assert holders(stage) == []
    stage.done("append-history", mission=SLUG, wp="WP02", actor="ada", note="goes on")
    put_back(stage, tmp_path / "backup")
    assert holders(stage)
    return stage


def test_doctor_redacts_again_after_a_restore_from_before_a_redaction(restored: Stage) -> None:
    refused = restored.ask("append-history", mission=SLUG, wp="WP01", actor="bo", note="n")
    assert refused["error_code"] == "STATE_UNREADABLE"
    told = restored.run("mailbox", "verify").stdout
    # All other differences follow from it, so it is reported alone.
    assert told.count(b"restored from an older backup") == len(told.splitlines()) == 1
    done = restored.run("doctor", "--fix")
    assert done.exit_code in (0, 1)
    assert holders(restored) == [], done
    verified = restored.run("mailbox", "verify")
    assert (verified.exit_code, verified.stdout) == (0, b""), verified
    assert b"was redacted by doctor" in verified.stderr
    assert restored.lane("WP01") == "in_progress"
    restored.done("append-history", mission=SLUG, wp="WP01", actor="bo", note="n")
    assert holders(restored) == []


def test_doctor_names_the_redaction_to_repeat_if_the_log_is_gone(restored: Stage) -> None:
    restored.log().unlink()
    done = restored.run("doctor", "--fix")
    assert done.exit_code == 1, done
    assert b"one was redacted, but the record is from a backup" in done.stdout, done
    assert b"spec-kitty redact one" in done.stdout
    assert redact(restored, "one").exit_code == 0
    assert holders(restored) == []
    assert b"redact" not in restored.run("doctor").stdout


def test_forged_redaction_mark_is_treated_as_a_change(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ada", note=SECRET)
    log = stage.log()
    log.write_text(
        log.read_text().replace("the horse is \\u00e9lan-4711", f"[redacted sha256:{'0' * 64}]")
    )
    assert "[redacted" in log.read_text()
    assert stage.run("doctor", "--fix").exit_code in (0, 1)
    assert stage.events()[-1]["delta"]["note"] == SECRET
