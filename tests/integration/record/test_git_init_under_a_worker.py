"""`git init` in a project with a running worker: the record moves, and the worker continues."""

from __future__ import annotations

import shutil

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage import heartbeat_file
from tests.integration.stage import SLUG, TIMEOUT_S, Stage
from tests.unit.mailbox.recording import wait_until

NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"}


def test_worker_continues_after_git_init_moves_the_record(stage: Stage) -> None:
    shutil.rmtree(stage.root / ".git")
    layout = MailboxLayout(stage.root)
    stage.write_mission({"WP01": {}})
    worker = stage.start("mailbox", "serve", "--poll-interval-s", "0.05")
    wait_until(lambda: heartbeat_file.is_alive(layout.heartbeat), timeout_s=TIMEOUT_S)
    stage.put("before", "append-history", **NOTE)
    wait_until((layout.outbox / "before.json").exists, timeout_s=TIMEOUT_S)
    assert layout.record == layout.kitty / "record"
    stage.git("init", "-q")
    assert stage.run("orchestrator-api", "append-history", *words("called")).exit_code == 0
    assert layout.record.is_relative_to(stage.root / ".git")
    assert not (layout.kitty / "record").exists()
    for stem in ("after", "later"):
        stage.put(stem, "append-history", **NOTE)
        wait_until((layout.outbox / f"{stem}.json").exists, timeout_s=TIMEOUT_S)
    second = stage.run("mailbox", "serve", "--once")
    assert b"another worker serves" in second.stderr
    assert worker.poll() is None
    known = [event["correlation_id"] for event in stage.events()]
    assert known == ["before", "called", "after", "later"]
    assert stage.run("mailbox", "verify").exit_code == 0


def words(correlation_id: str) -> list[str]:
    return ["--correlation-id", correlation_id, *(f"--{name}={it}" for name, it in NOTE.items())]
