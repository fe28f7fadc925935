"""`git clean -fdx` removes `.kitty` under a running worker."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage import heartbeat_file
from tests.integration.stage import SLUG, TIMEOUT_S, Stage, suspend
from tests.unit.mailbox.recording import wait_until

NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"}


def test_worker_continues_after_git_clean(stage: Stage) -> None:
    layout = MailboxLayout(stage.root)
    stage.write_mission({"WP01": {}})
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "mission")
    stage.done("append-history", correlation_id="before", **NOTE)
    worker = stage.start("mailbox", "serve", "--poll-interval-s", "0.05")
    wait_until(lambda: heartbeat_file.is_alive(layout.heartbeat), timeout_s=TIMEOUT_S)
    (layout.inbox / "no id.json").write_bytes(b"{}")
    wait_until(lambda: _is_complete(layout.dead_letters), timeout_s=TIMEOUT_S)
    letters = {it.name: it.read_bytes() for it in layout.dead_letters.iterdir()}
    lock = layout.worker_lock.stat().st_ino
    # It fails where the worker makes a folder again that git has just emptied.
    clean = ["git", "-C", str(stage.root), "clean", "-fdxq"]
    wait_until(lambda: subprocess.run(clean, check=False).returncode == 0)
    wait_until(lambda: heartbeat_file.is_alive(layout.heartbeat), timeout_s=TIMEOUT_S)
    second = stage.run("mailbox", "serve", "--once")
    assert second.exit_code != 0
    assert b"another worker serves" in second.stderr
    stage.put("after", "append-history", **NOTE)
    wait_until((layout.outbox / "after.json").exists, timeout_s=TIMEOUT_S)
    assert worker.poll() is None
    assert layout.worker_lock.stat().st_ino == lock
    assert {it.name: it.read_bytes() for it in layout.dead_letters.iterdir()} == letters
    assert layout.inbox.is_dir()
    assert layout.former_host.is_symlink()
    assert [event["correlation_id"] for event in stage.events()] == ["before", "after"]
    assert stage.run("mailbox", "verify").exit_code == 0


def test_status_after_git_clean_names_the_suspended_worker(stage: Stage) -> None:
    layout = MailboxLayout(stage.root)
    stage.write_mission({"WP01": {}})
    worker = stage.start("mailbox", "serve", "--poll-interval-s", "0.05")
    wait_until(lambda: heartbeat_file.is_alive(layout.heartbeat), timeout_s=TIMEOUT_S)
    suspend(worker)
    stage.git("clean", "-fdxq")
    shown = stage.run("mailbox", "status")
    assert shown.exit_code == 2
    words = f"down: process {worker.pid} holds the mailbox, is stopped (SIGSTOP or Ctrl-Z)".encode()
    assert shown.stdout.startswith(words), shown
    (command,) = re.findall(r"next: (kill -CONT \d+)", shown.stderr.decode())
    subprocess.run(["bash", "-c", command], check=True)
    wait_until(lambda: heartbeat_file.is_alive(layout.heartbeat), timeout_s=TIMEOUT_S)
    assert stage.run("mailbox", "status").exit_code == 0


def _is_complete(letters: Path) -> bool:
    """Whether a dead letter exists and its pending note is gone."""
    return any(letters.glob("*.json")) and not any(letters.glob("*.pending"))
