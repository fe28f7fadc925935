"""A damaged answer in the record is restored from journal or reply, or reported as lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from specify_cli.storage import records
from specify_cli.storage.layout import Layout
from tests.integration.stage import SLUG, Stage


@pytest.fixture
def damaged(stage: Stage) -> Stage:
    stage.write_mission({"WP01": {}})
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ada", note="begins")
    stage.put("asked", "mission-state", mission=SLUG)
    stage.put("later", "list-ready", mission=SLUG)
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    assert stage.reply("asked")["success"]
    record = records.found(Layout(stage.root))
    assert record is not None
    record.close()
    with closing(sqlite3.connect(record.path)) as connection, connection:
        # The largest answer is the mission state.
        order = "UPDATE content SET data = CAST(replace(data, 'WP01', 'WP02') AS BLOB)"
        connection.execute(f"{order} WHERE length(data) = (SELECT max(length(data)) FROM content)")
    return stage


def lose_line(stage: Stage) -> None:
    (stage.root / ".kitty" / "outbox" / "journal.jsonl").unlink()


def lose_reply(stage: Stage) -> None:
    (stage.root / ".kitty" / "outbox" / "asked.json").unlink()


@pytest.mark.parametrize("lose", [lose_line, lose_reply])
def test_damaged_answer_is_restored_from_the_journal_or_the_reply(
    damaged: Stage, lose: object
) -> None:
    lose(damaged)  # type: ignore[operator]
    done = damaged.run("mailbox", "verify")
    assert (done.exit_code, b"the answer to request asked" in done.stdout) == (1, True), done
    assert b"[answer]" in damaged.run("doctor").stdout
    assert b"repaired: restored the damaged answer" in damaged.run("doctor", "--fix").stdout
    done = damaged.run("mailbox", "verify")
    assert (done.exit_code, done.stdout) == (0, b""), done


def test_damaged_answer_without_a_copy_is_reported_as_lost(damaged: Stage) -> None:
    lose_line(damaged)
    lose_reply(damaged)
    told = damaged.run("doctor", "--fix").stdout.decode()
    assert "the answer to request asked" in told
    assert "it is lost" in told
    assert "repaired: restored" not in told


def test_unknown_reply_is_reported_and_moved_to_the_attic(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.put("asked", "mission-state", mission=SLUG)
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    outbox = stage.root / ".kitty" / "outbox"
    stray = outbox / "stray.json"
    stray.write_text("{}")
    (outbox / "asked.json").write_text("{}")
    done = stage.run("mailbox", "verify")
    assert (done.exit_code, done.stdout.count(b"'spec-kitty doctor --fix'")) == (1, 2), done
    assert stage.run("doctor").stdout.count(b"[reply]") == 2
    assert stage.run("doctor", "--fix").stdout.count(b"repaired: moved the reply to the attic") == 2
    done = stage.run("mailbox", "verify")
    assert (done.exit_code, done.stdout, stray.exists()) == (0, b"", False), done
    stage.put("asked", "mission-state", mission=SLUG)
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    assert stage.reply("asked")["success"]
