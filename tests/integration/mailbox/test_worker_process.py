"""The worker process is killed, stopped and restarted, with real folders and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spec_kitty_client.mailbox import Mailbox
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.verification import find_breaks, open_journal
from specify_cli.storage import heartbeat_file
from tests.dead_letters import read_records
from tests.patience import LONGEST_S
from tests.unit.mailbox.recording import put, reply_of, wait_until

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]

Process = subprocess.Popen[bytes]
Start = Callable[..., Process]


@pytest.fixture
def layout(tmp_path: Path) -> MailboxLayout:
    made = MailboxLayout(tmp_path)
    made.ensure()
    return made


@pytest.fixture
def start(layout: MailboxLayout) -> Iterator[Start]:
    """Start worker processes, which are killed at the end of the test."""
    started: list[Process] = []

    def start_one(mode: str = "serve", *options: str) -> Process:
        ways = os.pathsep.join(path for path in sys.path if path)
        environment = {**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{ways}"}
        arguments = [sys.executable, str(HERE / "host.py"), str(layout.root), mode, *options]
        with (layout.root / "worker.log").open("ab") as log:
            process = subprocess.Popen(arguments, env=environment, stderr=log)
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.wait()


def replies(layout: MailboxLayout) -> set[str]:
    return {path.stem for path in layout.outbox.glob("*.json")} - {"worker"}


def effects(layout: MailboxLayout) -> list[str]:
    return (layout.root / "effects.log").read_text().split()


def test_worker_killed_repeatedly_answers_every_request_once(
    layout: MailboxLayout, start: Start
) -> None:
    names = [f"id-{number:03}" for number in range(200)]
    release = layout.root / "release"
    # The last one waits, so that no worker is done before it is killed.
    waits = {"started": str(layout.root / "started"), "wait_for": str(release)}
    for name in names:
        put(layout, name, n=name, **(waits if name == names[-1] else {}))
    for target in (20, 60, 110, 150):
        process = start("drain")
        wait_until(lambda target=target: len(replies(layout)) >= target, timeout_s=LONGEST_S)
        process.kill()
        assert process.wait(LONGEST_S) == -signal.SIGKILL
    assert len(replies(layout)) < len(names)
    release.touch()
    assert start("drain").wait(LONGEST_S) == 0
    assert replies(layout) == set(names)
    assert sorted(effects(layout)) == names
    assert [reply_of(layout, name)["data"]["echo"]["n"] for name in names] == names
    assert sorted(line["correlation_id"] for line in open_journal(layout).lines()) == names
    assert find_breaks(layout) == []
    assert list(layout.claimed.iterdir()) == []
    assert list(layout.inbox.iterdir()) == []
    assert list(read_records(layout.dead_letters)) == []


def test_second_worker_exits_and_the_first_keeps_the_mailbox(
    layout: MailboxLayout, start: Start
) -> None:
    first = start()
    wait_until(lambda: heartbeat_file.is_alive(layout.heartbeat))
    second = start()
    assert second.wait(LONGEST_S) == 1
    assert f"process {first.pid}" in (layout.root / "worker.log").read_text()
    report = heartbeat_file.last_beat(layout.heartbeat)
    assert report is not None
    assert report["pid"] == first.pid
    assert report["state"] == "running"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_worker_finishes_the_current_request(
    layout: MailboxLayout, start: Start, number: int
) -> None:
    started, release = layout.root / "started", layout.root / "release"
    put(layout, "in-hand", started=str(started), wait_for=str(release))
    process = start()
    wait_until(started.exists)
    process.send_signal(number)
    put(layout, "later")
    release.touch()
    assert process.wait(LONGEST_S) == 0
    assert reply_of(layout, "in-hand")["success"]
    assert effects(layout) == ["in-hand"]
    report = heartbeat_file.last_beat(layout.heartbeat)
    assert report is not None
    assert report["state"] == "stopped"
    assert report["depth"] == 1


def test_idle_worker_stops_at_once(layout: MailboxLayout, start: Start) -> None:
    process = start()
    wait_until(lambda: heartbeat_file.is_alive(layout.heartbeat))
    process.terminate()
    assert process.wait(LONGEST_S) == 0


@pytest.mark.parametrize("options", [(), ("--no-watch",)])
def test_client_with_two_folders_is_answered(
    layout: MailboxLayout, start: Start, options: tuple[str, ...]
) -> None:
    process = start("serve", *options)
    mailbox = Mailbox(layout.inbox, layout.outbox)
    for number in range(20):
        envelope = mailbox.call("note", {"n": number}, timeout_s=LONGEST_S)
        assert envelope["data"]["echo"] == {"n": number}
    wait_until(mailbox.worker_is_alive)
    process.terminate()
    assert process.wait(LONGEST_S) == 0


def test_heartbeat_describes_the_worker(layout: MailboxLayout, start: Start) -> None:
    (layout.inbox / "bad name").touch()
    process = start()
    wait_until(lambda: (heartbeat_file.last_beat(layout.heartbeat) or {}).get("dead_letters") == 1)
    report = json.loads(layout.heartbeat.read_bytes())
    assert report["pid"] == process.pid
    assert report["contract_version"] == "1.3.0"
    assert report["commands"] == ["note"]
    assert report["depth"] == 0
    assert report["oldest_age_s"] is None
    assert {"host_name", "started_at", "beat_at"} <= set(report)


def test_flood_of_invalid_files_does_not_block_a_request(
    layout: MailboxLayout, start: Start
) -> None:
    for number in range(300):
        (layout.inbox / f"junk {number}").touch()
    put(layout, "fine")
    assert start("drain").wait(LONGEST_S) == 0
    assert reply_of(layout, "fine")["success"]
    assert len(list(read_records(layout.dead_letters))) == 300
    assert find_breaks(layout) == []
