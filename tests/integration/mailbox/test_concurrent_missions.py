"""The real worker with real git: missions do not wait for each other, and each keeps its order."""

from __future__ import annotations

import signal

from specify_cli.bootstrap import mailbox_layout
from specify_cli.storage import heartbeat_file
from tests.integration.crashes.gits import GatedGit
from tests.integration.stage import TIMEOUT_S, Stage, outcome
from tests.unit.mailbox.recording import wait_until

SLOW, QUICK = "001-slow", "002-quick"
NOTES = 40


def write_missions(stage: Stage) -> None:
    for slug in (SLOW, QUICK):
        stage.write_mission({"WP01": {}}, slug=slug)


def put_start(stage: Stage, stem: str, mission: str) -> None:
    stage.put(stem, "start-implementation", mission=mission, wp="WP01", actor="coder")


def put_note(stage: Stage, stem: str, mission: str) -> None:
    stage.put(stem, "append-history", mission=mission, wp="WP01", actor="coder", note=stem)


def notes(stage: Stage, slug: str) -> list[str]:
    return [event["delta"]["note"] for event in stage.events(slug) if "delta" in event]


def test_start_that_hangs_in_git_does_not_block_other_missions(stage: Stage) -> None:
    write_missions(stage)
    gate = GatedGit(stage.root.parent / "bin", words="read-tree --reset")
    worker = stage.start("mailbox", "serve", "--poll-interval-s", "0.05", env=gate.environment())
    put_start(stage, "slow-start", SLOW)
    wait_until(gate.reached.exists, timeout_s=TIMEOUT_S)
    slow = [f"slow-{number:02}" for number in range(NOTES)]
    quick = [f"quick-{number:02}" for number in range(NOTES)]
    for pair in zip(slow, quick, strict=True):
        put_note(stage, pair[0], SLOW)
        put_note(stage, pair[1], QUICK)
    wait_until(lambda: stage.replies() >= set(quick), timeout_s=TIMEOUT_S)
    assert stage.replies() == set(quick)
    gate.open()
    wait_until(lambda: stage.replies() >= {"slow-start", *slow}, timeout_s=TIMEOUT_S)
    assert notes(stage, QUICK) == quick
    assert notes(stage, SLOW) == slow
    assert stage.reply("slow-start")["success"]
    worker.send_signal(signal.SIGTERM)
    assert outcome(worker).exit_code == 0
    assert stage.run("mailbox", "verify").exit_code == 0


def test_requests_claimed_by_a_killed_worker_keep_their_order(stage: Stage) -> None:
    write_missions(stage)
    gate = GatedGit(stage.root.parent / "bin", words="read-tree --reset")
    worker = stage.start("mailbox", "serve", "--poll-interval-s", "0.05", env=gate.environment())
    put_start(stage, "slow-start", SLOW)
    wait_until(gate.reached.exists, timeout_s=TIMEOUT_S)
    claimed = mailbox_layout(stage.root).claimed
    names = [f"slow-{number:02}" for number in range(NOTES)]
    for name in names[: NOTES // 2]:
        put_note(stage, name, SLOW)
    wait_until(lambda: len(list(claimed.iterdir())) > NOTES // 2, timeout_s=TIMEOUT_S)
    worker.kill()
    worker.wait(TIMEOUT_S)
    gate.open()
    for name in names[NOTES // 2 :]:
        put_note(stage, name, SLOW)
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    assert stage.reply("slow-start")["success"]
    assert notes(stage, SLOW) == names
    assert stage.run("mailbox", "verify").exit_code == 0


def test_status_lists_every_mailbox(stage: Stage) -> None:
    stage.put("one", "contract-version", policy=None)
    folder = stage.root / ".kitty" / "inbox" / "stranger"
    folder.mkdir()
    (stage.root / ".kitty" / "inbox" / "one.json").rename(folder / "one.json")
    told = stage.run("mailbox", "status", "--json").envelope["data"]
    assert [(one["identity"], one["depth_now"]) for one in told["mailboxes"]] == [
        ("default", 0),
        ("stranger", 1),
    ]
    words = stage.run("mailbox", "status").stdout.decode().splitlines()
    rows = [line.split() for line in words if line.startswith(("default", "stranger"))]
    assert [(row[0], row[2]) for row in rows] == [("default", "0"), ("stranger", "1")]
    assert not heartbeat_file.is_alive(mailbox_layout(stage.root).heartbeat)
