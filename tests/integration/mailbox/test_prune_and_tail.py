"""`spec-kitty mailbox prune` and `tail`, by real processes."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from specify_cli.storage.journal import Journal
from specify_cli.storage.layout import Layout
from tests.integration.hostile_input.terminal import Terminal
from tests.integration.stage import TIMEOUT_S, Process, Stage, outcome
from tests.unit.mailbox.recording import wait_until

NOTE = {"wp": "WP01", "actor": "coder", "note": "n"}
DAY_S = 86400


@pytest.fixture
def stage(stage: Stage) -> Stage:
    stage.write_mission({"WP01": {}})
    return stage


def outbox(stage: Stage) -> Path:
    return stage.root / ".kitty" / "outbox"


def serve(stage: Stage) -> None:
    assert stage.run("mailbox", "serve", "--once").exit_code == 0


def age(path: Path, days: int) -> None:
    then = time.time() - days * DAY_S
    os.utime(path, (then, then))


def prune(stage: Stage, *words: str) -> int:
    done = stage.run("mailbox", "prune", *words, "--json")
    assert done.code is None, done
    count: int = done.envelope["data"]["replies"]
    return count


def test_pruned_reply_is_restored_when_its_request_is_repeated(stage: Stage) -> None:
    stage.put("one", "append-history", mission="1", **NOTE)
    serve(stage)
    before = (outbox(stage) / "one.json").read_bytes()
    age(outbox(stage) / "one.json", 3)
    assert prune(stage, "--older-than", "0s", "--dry-run") == 1
    assert stage.replies() == {"one"}
    assert prune(stage, "--older-than", "0s", "--yes") == 1
    assert stage.replies() == set()
    assert stage.journal()[-1]["command"] == "spec-kitty.prune-replies"
    stage.put("one", "append-history", mission="1", **NOTE)
    serve(stage)
    assert (outbox(stage) / "one.json").read_bytes() == before
    assert len(stage.events()) == 1
    assert stage.run("mailbox", "verify").exit_code == 0


def test_prune_keeps_young_changed_and_unknown_replies(stage: Stage) -> None:
    for stem in ("young", "changed", "foreign"):
        stage.put(stem, "append-history", mission="1", **NOTE)
    serve(stage)
    (outbox(stage) / "changed.json").write_text("{}")
    (outbox(stage) / "foreign.json").rename(outbox(stage) / "unknown.json")
    for stem in ("changed", "unknown"):
        age(outbox(stage) / f"{stem}.json", 3)
    assert prune(stage, "--older-than", "1d", "--yes") == 0
    assert prune(stage, "--older-than", "1d", "--dry-run") == 0
    assert stage.replies() == {"young", "changed", "unknown"}


def test_prune_without_a_terminal_removes_nothing_without_yes(stage: Stage) -> None:
    stage.put("one", "append-history", mission="1", **NOTE)
    serve(stage)
    age(outbox(stage) / "one.json", 3)
    shown = stage.run("mailbox", "prune", "--older-than", "0s")
    assert shown.exit_code == 3
    assert b"1 reply would be removed (" in shown.stdout
    assert b"  default: 1" in shown.stdout
    assert b"--yes" in shown.stderr
    as_json = stage.run("mailbox", "prune", "--older-than", "0s", "--json")
    assert as_json.exit_code == 3
    (going,) = as_json.envelope["data"]["going"]
    assert (going["what"], going["count"]) == ("replies", 1)
    assert stage.replies() == {"one"}
    gone = stage.run("mailbox", "prune", "--older-than", "0s", "--yes")
    assert gone.exit_code == 0
    assert b"1 reply removed (" in gone.stdout
    assert stage.replies() == set()
    nothing = stage.run("mailbox", "prune", "--older-than", "0s")
    assert (nothing.exit_code, nothing.stdout) == (0, b"nothing to remove\n")


@pytest.mark.parametrize(("typed", "is_gone", "exit_code"), [("y", True, 0), ("n", False, 1)])
def test_prune_at_a_terminal_asks_for_confirmation(
    stage: Stage, *, typed: str, is_gone: bool, exit_code: int
) -> None:
    stage.put("one", "append-history", mission="1", **NOTE)
    serve(stage)
    age(outbox(stage) / "one.json", 3)
    terminal = Terminal()
    words = ("mailbox", "prune", "--older-than", "0s")
    assert terminal.run(words, stage.root, typed=f"{typed}\n") == exit_code
    assert b"Go ahead? [y/N]" in terminal.close()
    assert (stage.replies() == set()) == is_gone


def test_read_is_answered_again_after_its_answer_was_pruned(stage: Stage) -> None:
    (stage.root / ".kitty").mkdir(exist_ok=True)
    (stage.root / ".kitty" / "config.toml").write_text("reads_days = 0\njournal_max_bytes = 0\n")
    stage.put("look", "mission-state", mission="1")
    stage.put("note", "append-history", mission="1", **NOTE)
    serve(stage)
    first = stage.reply("look")
    age(outbox(stage) / "look.json", 3)
    gone = stage.run("mailbox", "prune", "--yes", "--json")
    told = {it["what"]: it["count"] for it in gone.envelope["data"]["going"]}
    assert told == {"answers of reads": 1}
    assert stage.replies() == {"note"}
    stage.put("look", "mission-state", mission="1")
    stage.put("note", "append-history", mission="1", **NOTE)
    serve(stage)
    again = stage.reply("look")
    assert again["timestamp"] > first["timestamp"]
    assert again["data"] != first["data"]
    assert len(stage.events()) == 1
    assert stage.run("mailbox", "verify").exit_code == 0


def test_age_without_a_unit_is_a_usage_error(stage: Stage) -> None:
    assert stage.run("mailbox", "prune", "--older-than", "30").exit_code == 2
    assert stage.run("mailbox", "prune", "--yes", "--dry-run").exit_code == 2


def follow(stage: Stage, *words: str) -> Process:
    tail = stage.start("mailbox", "tail", *words)
    assert tail.stdout is not None
    os.set_blocking(tail.stdout.fileno(), False)
    return tail


def test_tail_follows_across_a_rotation_until_interrupted(stage: Stage) -> None:
    for number in range(3):
        stage.done("append-history", mission="1", correlation_id=f"old-{number}", **NOTE)
    tail = follow(stage, "-n", "2", "--json")
    read = b""

    def has(text: bytes) -> bool:
        nonlocal read
        assert tail.stdout is not None
        read += tail.stdout.read() or b""
        return text in read

    wait_until(lambda: has(b'"old-2"'), timeout_s=TIMEOUT_S)
    small = Journal(Layout(stage.root), max_bytes=1)
    small.append({**stage.journal()[-1], "correlation_id": "rotated"})
    assert list(outbox(stage).glob("journal-*.jsonl"))
    stage.done("append-history", mission="1", correlation_id="new", **NOTE)
    wait_until(lambda: has(b'"new"'), timeout_s=TIMEOUT_S)
    tail.send_signal(signal.SIGINT)
    assert outcome(tail).exit_code == 130
    ids = [json.loads(line)["correlation_id"] for line in read.splitlines()]
    assert ids == ["old-1", "old-2", "rotated", "new"]


def test_tail_escapes_control_characters(stage: Stage) -> None:
    inbox = stage.root / ".kitty" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "bad\x1b[31mname").touch()
    stage.put("one", "append-history", mission="\x1b[31m", **NOTE)
    serve(stage)
    done = stage.run("mailbox", "tail", "--no-follow")
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 3
    assert b"\x1b" not in done.stdout
    assert b"MISSION_NOT_FOUND" in done.stdout


def test_tail_of_an_unused_mailbox_prints_and_creates_nothing(stage: Stage) -> None:
    done = stage.run("mailbox", "tail", "--no-follow")
    assert (done.exit_code, done.stdout) == (0, b"")
    assert not (stage.root / ".kitty").exists()
