from __future__ import annotations

import os
import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from specify_cli.mailbox import heartbeat, worker_status
from specify_cli.mailbox.heartbeat import Heartbeat, HeartbeatReport
from specify_cli.mailbox.inbox import Backlog
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.printable import printable
from specify_cli.mailbox.worker_status import WorkerStatus
from specify_cli.storage import heartbeat_file
from tests.durability import watched
from tests.patience import LONGEST_S
from tests.threads import none_can_start
from tests.together import meet
from tests.unit.mailbox.recording import SETTINGS, wait_until


def heart(path: Path, *, interval_s: float = SETTINGS.beat_interval_s) -> Heartbeat:
    layout = MailboxLayout(path.parent)
    paths = layout.paths("default")._replace(outbox=path.parent)
    beating = Heartbeat(
        settings=replace(SETTINGS, beat_interval_s=interval_s),
        count=lambda: {"default": 2, "nightly": 5},
        layout=layout,
        status=WorkerStatus(commands=frozenset(), config_digest=None),
    )
    beating.add(HeartbeatReport(paths, commands=("note",), measure=lambda: Backlog(3, 1.0)))
    return beating


def test_a_beat_shows_the_current_state(tmp_path: Path) -> None:
    path = tmp_path / "worker.json"
    heart(path).beat()
    report = heartbeat_file.last_beat(path)
    assert report is not None
    assert (report["pid"], report["depth"], report["dead_letters"]) == (os.getpid(), 3, 2)
    assert report["oldest_age_s"] > 0
    assert heartbeat_file.is_alive(path)


def test_it_beats_periodically_and_ends_with_the_state_stopped(tmp_path: Path) -> None:
    path = tmp_path / "worker.json"
    beating = heart(path)
    beating.start()
    first = path.stat().st_ino, path.stat().st_mtime_ns
    wait_until(lambda: (path.stat().st_ino, path.stat().st_mtime_ns) != first)
    beating.stop()
    # A busy machine may take longer for it than is waited for.
    wait_until(lambda: (heartbeat_file.last_beat(path) or {})["state"] == "stopped")
    assert not heartbeat_file.is_alive(path)


def test_the_last_beat_is_written_after_the_one_that_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, publish = tmp_path / "worker.json", heartbeat._publish
    is_under_way, go = Event(), Event()

    def late(report: Any, where: Path, **how: Any) -> None:
        if where == path and report["state"] == "running":
            is_under_way.set()
            assert go.wait(LONGEST_S)
        publish(report, where, **how)

    monkeypatch.setattr(heartbeat, "_publish", late)
    beating = heart(path, interval_s=0.01)
    beating.start()
    assert is_under_way.wait(LONGEST_S)
    beating.stop()
    go.set()
    wait_until(lambda: (heartbeat_file.last_beat(path) or {}).get("state") == "stopped")
    assert not heartbeat_file.is_alive(path)


def test_a_disk_failure_skips_a_beat(tmp_path: Path) -> None:
    beating = heart(tmp_path / "missing" / "worker.json")
    beating.start()
    beating.set_state("default", "stalled", stalled_reason="the disk is full")
    beating.stop()


def test_threads_write_one_beat_after_the_other(tmp_path: Path) -> None:
    assert not meet(os, "replace", heart(tmp_path / "worker.json").beat)


def test_threads_count_dead_letters_one_after_the_other(tmp_path: Path) -> None:
    beating = heart(tmp_path / "worker.json")
    assert not meet(beating, "_count", beating.beat)


def test_threads_write_one_status_after_the_other(tmp_path: Path) -> None:
    beating = heart(tmp_path / "worker.json")
    assert not meet(beating._status, "report", beating.beat)


def test_one_thread_waits_for_the_next_beat(tmp_path: Path) -> None:
    beating = heart(tmp_path / "worker.json")
    beating._ended.set()
    assert not meet(beating._ended, "wait", beating._beat_in_turns)


def test_a_disk_that_hangs_delays_no_other_mailbox(tmp_path: Path) -> None:
    path, released = tmp_path / "worker.json", threading.Event()
    beating = heart(path)
    paths = MailboxLayout(tmp_path).paths("nightly")._replace(outbox=tmp_path / "nightly")
    paths.outbox.mkdir()

    def hang() -> Backlog:
        hanging.set()
        released.wait()
        return Backlog(1, None)

    hanging = threading.Event()
    beating.add(HeartbeatReport(paths, commands=(), measure=hang))
    beating.start()
    try:
        assert hanging.is_set()
        first = path.stat().st_ino
        wait_until(lambda: path.stat().st_ino != first)
        assert not paths.heartbeat.exists()
        released.set()
        wait_until(paths.heartbeat.exists)
    finally:
        released.set()
        beating.stop()


def test_it_beats_again_when_the_system_can_start_threads_again(tmp_path: Path) -> None:
    path, released = tmp_path / "worker.json", threading.Event()
    beating = heart(path, interval_s=0.01)
    refused = 0

    def look() -> None:
        nonlocal refused
        if not released.is_set():
            with none_can_start():
                refused += 1
                released.wait(0.05)

    beating.start()
    beating._on_beat = look
    wait_until(lambda: refused > 2)
    beating.set_state("default", "stalled")
    released.set()
    wait_until(lambda: (heartbeat_file.last_beat(path) or {})["state"] == "stalled")
    beating.stop()


def test_the_status_for_the_operator_is_replaced_only_if_it_changed(tmp_path: Path) -> None:
    beating = heart(tmp_path / "worker.json")
    status = beating._layout.worker_status
    status.parent.mkdir(parents=True)
    beating.beat()
    first = status.stat().st_ino
    os.utime(status, (1, 1))
    assert not worker_status.is_alive(beating._layout)
    beating.beat()
    assert status.stat().st_ino == first
    assert worker_status.is_alive(beating._layout)
    found = worker_status.read(beating._layout) or {}
    assert datetime.fromisoformat(found["beat_at"]).timestamp() == pytest.approx(
        status.stat().st_mtime
    )
    beating._status.stall("nightly", "the disk failed")
    beating.beat()
    assert status.stat().st_ino != first
    status.unlink()
    beating.beat()
    assert "nightly" in (worker_status.read(beating._layout) or {})["stalled"]


def test_the_date_of_a_file_behind_a_link_at_the_status_stays(tmp_path: Path) -> None:
    beating, other = heart(tmp_path / "worker.json"), tmp_path / "other"
    status = beating._layout.worker_status
    status.parent.mkdir(parents=True)
    beating.beat()
    other.touch()
    os.utime(other, (1, 1))
    status.unlink()
    status.symlink_to(other)
    beating.beat()
    assert other.stat().st_mtime == 1


def test_an_old_beat_is_not_alive(tmp_path: Path) -> None:
    path = tmp_path / "worker.json"
    heart(path).beat()
    os.utime(path, (1, 1))
    assert not heartbeat_file.is_alive(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"x" * 100_000, b"[" * 50_000])
def test_an_unreadable_heartbeat_is_not_alive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "worker.json"
    path.write_bytes(content)
    assert heartbeat_file.last_beat(path) is None
    assert not heartbeat_file.is_alive(path)


@pytest.mark.parametrize("interval", ["1e999", "1" + "0" * 400, '"soon"', "-1", "1e6"])
def test_a_heartbeat_with_an_impossible_interval_is_not_alive(
    tmp_path: Path, interval: str
) -> None:
    path = tmp_path / "worker.json"
    path.write_text(f'{{"state": "running", "interval_s": {interval}}}')
    assert not heartbeat_file.is_alive(path)


def test_a_missing_heartbeat_is_not_alive(tmp_path: Path) -> None:
    assert not heartbeat_file.is_alive(tmp_path / "worker.json")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \u00e4", "plain \u00e4"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\nb", "a\\nb"),
        ("\u202e", "\\u202e"),
        ("\udc80", "\\udc80"),
    ],
)
def test_text_from_others_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_beat_is_not_synced(tmp_path: Path) -> None:
    path = tmp_path / "worker.json"
    with watched() as disk:
        heart(path).beat()
    assert not disk.is_kept(path)
