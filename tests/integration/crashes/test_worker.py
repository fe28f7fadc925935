"""The real worker with the real dispatcher, killed or stopped during its work."""

from __future__ import annotations

import signal

import pytest

from specify_cli.bootstrap import mailbox_layout
from specify_cli.storage import heartbeat_file
from tests.integration.crashes.gits import GatedGit
from tests.integration.stage import TIMEOUT_S, Stage, outcome
from tests.unit.mailbox.recording import wait_until

PACKAGES = {f"WP{n:02}": {"owned_files": [f"src/{n}/**"]} for n in range(1, 9)}


def put_two_hundred(stage: Stage) -> list[str]:
    """Put a mix of reads, notes, starts and transitions; return their names in order."""
    names = [f"id-{number:03}" for number in range(200)]
    starts = dict(zip(range(10, 90, 10), PACKAGES, strict=True))
    blocks = dict(zip(range(105, 185, 10), PACKAGES, strict=True))
    for number, name in enumerate(names):
        if number in starts:
            actor = {"wp": starts[number], "actor": "coder"}
            stage.put(name, "start-implementation", mission="1", **actor)
        elif number in blocks:
            move = {"wp": blocks[number], "to": "blocked", "actor": "coder"}
            stage.put(name, "transition", mission="1", **move)
        elif number % 3 == 0:
            stage.put(name, "mission-state", policy=None, mission="1")
        else:
            note = {"wp": "WP01", "actor": "coder", "note": name}
            stage.put(name, "append-history", mission="1", **note)
    return names


@pytest.mark.campaign
def test_worker_killed_repeatedly_answers_each_of_two_hundred_requests_once(stage: Stage) -> None:
    stage.write_mission(PACKAGES)
    names = put_two_hundred(stage)
    for target in (5, 21, 40, 77, 111, 150):
        worker = stage.start("mailbox", "serve", "--poll-interval-s", "0.05")
        wait_until(lambda target=target: len(stage.replies()) >= target, timeout_s=TIMEOUT_S)
        worker.kill()
        assert worker.wait(TIMEOUT_S) == -signal.SIGKILL
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    assert stage.replies() == set(names)
    replies = [stage.reply(name) for name in names]
    assert [reply["correlation_id"] for reply in replies] == names
    assert {reply["error_code"] for reply in replies} == {None}
    assert sorted(line["correlation_id"] for line in stage.journal()) == names
    causes = [event["correlation_id"] for event in stage.events()]
    moves = [event for event in stage.events() if "to_lane" in event]
    assert sorted(causes) == sorted(
        name
        for name, reply in zip(names, replies, strict=True)
        for _ in range(
            {"mission-state": 0, "start-implementation": 2}.get(
                reply["command"].removeprefix("orchestrator-api."), 1
            )
        )
    )
    for wp_id in PACKAGES:
        lanes = [event["to_lane"] for event in moves if event["wp_id"] == wp_id]
        assert lanes == ["claimed", "in_progress", "blocked"]
    assert stage.run("mailbox", "verify").exit_code == 0


def test_second_worker_is_refused_naming_the_first(stage: Stage) -> None:
    layout = mailbox_layout(stage.root)
    first = stage.start("mailbox", "serve")
    wait_until(lambda: heartbeat_file.is_alive(layout.heartbeat))
    second = stage.run("mailbox", "serve")
    assert second.exit_code == 1
    assert second.stdout == b""
    assert f"process {first.pid}".encode() in second.stderr
    assert b"Traceback" not in second.stderr
    first.terminate()
    assert outcome(first).exit_code == 0


def test_stopped_worker_finishes_the_current_request(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    gate = GatedGit(stage.root.parent / "bin", words="read-tree --reset")
    worker = stage.start("mailbox", "serve", "--poll-interval-s", "0.05", env=gate.environment())
    stage.put("in-hand", "start-implementation", mission="1", wp="WP01", actor="coder")
    wait_until(gate.reached.exists, timeout_s=TIMEOUT_S)
    worker.send_signal(signal.SIGTERM)
    stage.put("later", "mission-state", policy=None, mission="1")
    gate.open()
    assert outcome(worker).exit_code == 0
    assert stage.reply("in-hand")["success"]
    assert stage.replies() == {"in-hand"}
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    assert stage.reply("later")["data"]["summary"]["in_progress"] == 1
