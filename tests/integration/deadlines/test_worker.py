"""A hanging request delays only its own orchestrator, and the worker stops when it is told to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from specify_cli.storage.heartbeat_file import last_beat
from tests.integration.stage import SLUG, TIMEOUT_S, Stage
from tests.patience import SIGNALLED_S
from tests.unit.mailbox.recording import wait_until

SECOND = "002-other"
STUBBORN = "trap '' TERM INT HUP; echo $$ >> '{pids}'; sleep 600 & wait; sleep 600"
CONFIG = """
[orchestrators.reader]
commands = ["read-only"]
[orchestrators.writer]
commands = ["start-implementation"]
"""


@pytest.fixture
def two(stage: Stage) -> Stage:
    stage.write_mission({f"WP{n:02}": {"owned_files": [f"a/{n}/**"]} for n in range(1, 5)})
    stage.write_mission({"WP01": {"owned_files": ["c/**"]}}, slug=SECOND)
    return stage


def put(stage: Stage, identity: str, stem: str, command: str, **args: str) -> None:
    """Put a request into the mailbox of that orchestrator."""
    stage.put(stem, command, **args)
    inbox = stage.root / ".kitty" / "inbox"
    (inbox / identity).mkdir(exist_ok=True)
    (inbox / f"{stem}.json").rename(inbox / identity / f"{stem}.json")


def reply(stage: Stage, identity: str, stem: str) -> dict[str, object] | None:
    file = stage.root / ".kitty" / "outbox" / identity / f"{stem}.json"
    return json.loads(file.read_bytes()) if file.exists() else None


def make_filter_hang(stage: Stage, pids: Path) -> None:
    """Make git hang when it fills a workspace, with a filter that ignores signals."""
    stage.git("config", "filter.slow.smudge", STUBBORN.format(pids=pids))
    (stage.root / ".git" / "info" / "attributes").write_text("README.md filter=slow\n")


def end_filter(stage: Stage) -> None:
    (stage.root / ".git" / "info" / "attributes").unlink()


def is_alive(pid: int) -> bool:
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return told.rpartition(")")[2].split()[0] not in "ZX"


def is_begun(pids: Path) -> bool:
    return pids.exists() and bool(pids.read_text().split())


def wait_until_gone(pids: Path) -> None:
    """Wait until every process is gone; killing takes a moment."""
    wait_until(lambda: not any(is_alive(int(pid)) for pid in pids.read_text().split()))


def test_fifos_in_place_of_git_folders_do_not_block_reads_or_other_requests(two: Stage) -> None:
    (two.root / ".kitty").mkdir(exist_ok=True)
    (two.root / ".kitty" / "config.toml").write_text(CONFIG)
    for number in range(1, 5):
        begun = two.done("start-implementation", mission=SLUG, wp=f"WP{number:02}", actor="coder")
        link = Path(begun["workspace_path"]) / ".git"
        shutil.rmtree(link)
        os.mkfifo(link)
    worker = two.start("mailbox", "serve", "--poll-interval-s", "0.05")
    wait_until((two.root / ".kitty" / "outbox" / "reader").exists, timeout_s=TIMEOUT_S)
    for number in range(1, 5):
        put(two, "reader", f"r{number}", "resolve-workspace", mission=SLUG, wp=f"WP{number:02}")
    start = {"mission": SECOND, "wp": "WP01", "actor": "coder"}
    put(two, "writer", "start", "start-implementation", **start)
    wait_until(lambda: reply(two, "writer", "start"), timeout_s=TIMEOUT_S)
    wait_until(lambda: all(reply(two, "reader", f"r{n}") for n in range(1, 5)), timeout_s=TIMEOUT_S)
    assert reply(two, "writer", "start")["success"]  # type: ignore[index]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(TIMEOUT_S) == 0


def test_merge_that_would_read_a_fifo_is_refused_and_other_missions_continue(
    two: Stage,
) -> None:
    for number in range(1, 5):
        worktree = two.approve(f"WP{number:02}", {f"a/{number}/x.txt": "x\n"})
    os.mkfifo(worktree / ".gitignore")
    (two.root / ".kitty" / "config.toml").write_text("git_timeout_s = 2\n")
    refused = two.ask("merge-mission", mission=SLUG)
    assert refused["error_code"] == "PREFLIGHT_FAILED"
    assert str(worktree / ".gitignore") in json.dumps(refused["data"])
    two.done("start-implementation", mission=SECOND, wp="WP01", actor="coder")
    (worktree / ".gitignore").unlink()
    two.done("merge-mission", mission=SLUG)


def test_hanging_git_is_ended_after_git_timeout_s(two: Stage, tmp_path: Path) -> None:
    (two.root / ".kitty").mkdir(exist_ok=True)
    pids = tmp_path / "pids"
    make_filter_hang(two, pids)
    # On a busy machine the filter may not have begun by then.
    for timeout_s in (1, 10, 100):
        (two.root / ".kitty" / "config.toml").write_text(f"git_timeout_s = {timeout_s}\n")
        refused = two.ask("start-implementation", mission=SLUG, wp="WP01", actor="coder")
        assert refused["error_code"] == "LANE_ALLOCATION_FAILED"
        assert "git_timeout_s" in refused["data"]["reason"]
        if is_begun(pids):
            break
    wait_until_gone(pids)
    end_filter(two)
    (two.root / ".kitty" / "config.toml").unlink()
    two.done("start-implementation", mission=SLUG, wp="WP01", actor="coder")


@pytest.mark.parametrize("times", [1, 2])
def test_worker_stops_within_five_seconds_and_the_next_one_completes_its_request(
    two: Stage, tmp_path: Path, times: int
) -> None:
    pids = tmp_path / "pids"
    make_filter_hang(two, pids)
    worker = two.start("mailbox", "serve", "--poll-interval-s", "0.05")
    start = {"mission": SLUG, "wp": "WP01", "actor": "coder"}
    two.put("a-start", "start-implementation", **start)
    wait_until(lambda: is_begun(pids), timeout_s=TIMEOUT_S)
    beat = two.root / ".kitty" / "outbox" / "worker.json"
    wait_until(
        lambda: (
            [it["correlation_id"] for it in (last_beat(beat) or {}).get("in_hand", ())]
            == ["a-start"]
        ),
        timeout_s=TIMEOUT_S,
    )
    assert b"in progress: a-start since" in two.run("mailbox", "status").stdout
    for number in range(50):
        note = {"wp": "WP02", "actor": "coder", "note": str(number)}
        two.put(f"b-{number:02}", "append-history", mission=SLUG, **note)
    began = time.monotonic()
    for _ in range(times):
        worker.send_signal(signal.SIGTERM)
    worker.wait(TIMEOUT_S)
    assert time.monotonic() - began < SIGNALLED_S
    wait_until_gone(pids)
    assert "a-start" not in two.replies()
    end_filter(two)
    assert two.run("mailbox", "serve", "--once").exit_code == 0
    assert len(two.replies()) == 51
    assert two.reply("a-start")["success"]
    moves = [event for event in two.events() if event.get("to_lane")]
    assert len(moves) == 2
    assert len(two.events()) == 52


def test_processes_left_by_a_killed_host_are_ended_by_the_next_lock_holder(
    two: Stage, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    make_filter_hang(two, pids)
    worker = two.start("mailbox", "serve", "--poll-interval-s", "0.05")
    two.put("one", "start-implementation", mission=SLUG, wp="WP01", actor="coder")
    wait_until(lambda: is_begun(pids), timeout_s=TIMEOUT_S)
    worker.kill()
    worker.wait()
    (left,) = map(int, pids.read_text().split())
    assert is_alive(left)
    end_filter(two)
    begun = two.done("start-implementation", mission=SECOND, wp="WP01", actor="coder")
    wait_until_gone(pids)
    assert Path(begun["workspace_path"], "README.md").exists()
    assert two.run("mailbox", "serve", "--once").exit_code == 0
    assert two.reply("one")["success"]
