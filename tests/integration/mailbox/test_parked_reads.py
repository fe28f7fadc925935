"""Reads that wait for a change, with a real worker: they block nothing and survive a kill."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from specify_cli.mailbox import parked_reads
from tests.integration.stage import SLUG, Process, Stage, flags
from tests.patience import LONGEST_S
from tests.unit.mailbox.recording import wait_until

HEARTBEAT = ".kitty/outbox/worker.json"
NOTE = {"mission": SLUG, "wp": "WP01", "actor": "someone", "note": "hello"}


@pytest.fixture
def worker(stage: Stage) -> Iterator[Process]:
    process = served(stage)
    yield process
    process.kill()
    process.wait()


def served(stage: Stage) -> Process:
    stage.write_mission({"WP01": {}})
    process = stage.start("mailbox", "serve")
    wait_until((stage.root / HEARTBEAT).exists)
    return process


def envelope(stage: Stage, stem: str) -> dict[str, Any]:
    wait_until(lambda: stem in stage.replies())
    return stage.reply(stem)


def position(stage: Stage, stem: str, command: str = "mission-state") -> str:
    stage.put(stem, command, mission=SLUG)
    return str(envelope(stage, stem)["data"]["position"])


def put_waiting(stage: Stage, stem: str, after: str, *, wait_s: int = 250, **more: Any) -> None:
    stage.put(stem, "mission-state", mission=SLUG, after=after, wait_s=wait_s, **more)


def heartbeat(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((stage.root / HEARTBEAT).read_bytes())
    return found


def reported_reads(stage: Stage) -> int:
    return int(heartbeat(stage)["parked_reads"])


def test_waiting_read_blocks_nothing_and_is_answered_after_a_change(
    stage: Stage, worker: Process
) -> None:
    for name, change in (
        ("mailbox", lambda: stage.put("a-note", "append-history", **NOTE)),
        ("cli", lambda: stage.api("append-history", *flags(wp="WP01", actor="x", note="hi"))),
    ):
        seen = position(stage, f"first-{name}")
        put_waiting(stage, f"waits-{name}", seen)
        wait_until(lambda: reported_reads(stage) == 1)
        assert heartbeat(stage)["depth"] == 0
        # A read of the same orchestrator about the same mission.
        assert position(stage, f"meanwhile-{name}") == seen
        assert f"waits-{name}" not in stage.replies()
        change()
        found = envelope(stage, f"waits-{name}")["data"]
        assert (found["changed"], found["position"] != seen) == (True, True)
    wait_until(lambda: reported_reads(stage) == 0)


def test_waiting_read_ends_unchanged_after_wait_s_or_expires_at_not_after(
    stage: Stage, worker: Process
) -> None:
    seen = position(stage, "first")
    began = time.monotonic()
    put_waiting(stage, "waits", seen, wait_s=1)
    found = envelope(stage, "waits")["data"]
    assert time.monotonic() - began >= 1
    assert (found["changed"], found["position"]) == (False, seen)
    soon = datetime.now(UTC) + timedelta(seconds=1)
    text = soon.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    stage.put("expires", "mission-state", not_after=text, mission=SLUG, after=seen, wait_s=250)
    assert envelope(stage, "expires")["error_code"] == "REQUEST_EXPIRED"


def test_waiting_reads_beyond_the_limit_are_refused_and_a_repeat_ends_the_wait(
    stage: Stage, worker: Process
) -> None:
    seen = position(stage, "first")
    stems = [f"waits-{n:03}" for n in range(parked_reads.MOST + 20)]
    for stem in stems:
        put_waiting(stage, stem, seen)
    wait_until(lambda: len(stage.replies() & {*stems}) == 20)
    wait_until(lambda: reported_reads(stage) == parked_reads.MOST)
    refused = {stem for stem in stems if stem in stage.replies()}
    for stem in refused:
        found = stage.reply(stem)
        assert (found["error_code"], found["data"]["retryable"]) == ("STORAGE_FAILED", True)
    same, other = [stem for stem in stems if stem not in refused][:2]
    put_waiting(stage, same, seen)
    assert envelope(stage, same)["data"]["changed"] is False
    stage.put(other, "append-history", **NOTE)
    assert envelope(stage, other)["command"] == "orchestrator-api.mission-state"
    wait_until(lambda: heartbeat(stage)["dead_letters"] == 1)
    assert stage.events() == []
    stage.put("a-note", "append-history", **NOTE)
    for stem in {*stems} - refused - {same, other}:
        assert envelope(stage, stem)["data"]["changed"] is True


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_next_worker_answers_waiting_reads_at_once(stage: Stage, number: signal.Signals) -> None:
    process = served(stage)
    seen = position(stage, "first")
    put_waiting(stage, "waits", seen)
    wait_until(lambda: reported_reads(stage) == 1)
    process.send_signal(number)
    process.wait(LONGEST_S)
    assert "waits" not in stage.replies()
    put_waiting(stage, "late", seen)
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    for stem in ("waits", "late"):
        assert stage.reply(stem)["data"]["changed"] is False
    assert [it["correlation_id"] for it in stage.journal()].count("waits") == 1


def test_waiting_read_of_a_deleted_mission_is_refused(stage: Stage, worker: Process) -> None:
    seen = position(stage, "first")
    folder = stage.root / "kitty-specs" / SLUG
    # On a busy machine the wait may be over before the mission has vanished.
    for wait_s in (2, 20, 200):
        put_waiting(stage, f"waits-{wait_s}", seen, wait_s=wait_s)
        # Once this is answered, the one before it waits.
        position(stage, f"meanwhile-{wait_s}")
        folder.rename(stage.root / "gone")
        code = envelope(stage, f"waits-{wait_s}")["error_code"]
        if code is not None:
            break
        (stage.root / "gone").rename(folder)
    assert code in ("MISSION_NOT_FOUND", "STATE_UNREADABLE")


def test_waiting_read_adds_one_journal_line(stage: Stage, worker: Process) -> None:
    commands = ("mission-state", "list-ready")
    seen = {it: position(stage, f"first-{it}", it) for it in commands}
    before, began = len(stage.journal()), time.monotonic()
    stems = {f"{who}-{command}": command for who in "ab" for command in commands}
    for stem, command in stems.items():
        stage.put(stem, command, mission=SLUG, after=seen[command], wait_s=8)
    for stem in stems:
        assert envelope(stage, stem)["data"]["changed"] is False
    assert time.monotonic() - began >= 8
    assert len(stage.journal()) - before == len(stems)
