from __future__ import annotations

import os
import re
import shutil
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.watch import watching
from specify_cli.mailbox.worker import Watching, Worker
from specify_cli.storage import heartbeat_file
from tests.dead_letters import read_records
from tests.unit.mailbox.recording import (
    LONG_AGO,
    SETTINGS,
    RecordingDispatcher,
    codes,
    put,
    reply_of,
    request_bytes,
    wait_until,
    write_late,
)

FAR_AHEAD = (9_000_000_000, 9_000_000_000)

Drain = Callable[[], None]


def test_a_request_is_answered_under_its_name(
    layout: MailboxLayout, drain: Drain, log: list[str]
) -> None:
    put(layout, "one", n=1)
    drain()
    assert reply_of(layout, "one")["data"] == {"echo": {"n": 1}}
    assert list(layout.inbox.iterdir()) == []
    assert list(layout.claimed.iterdir()) == []
    began, answered, ended = log
    assert "mailboxes: default; the inbox is listed every" in began
    assert re.match(r"default note one OK in \d+\.\d", answered)
    assert (
        "ends: every waiting request is answered; requests answered: 1, of which refused: 0"
        in ended
    )


def test_requests_are_answered_in_order_of_arrival(
    layout: MailboxLayout, drain: Drain, dispatcher: RecordingDispatcher
) -> None:
    names = ["c", "a", "b", "z", "m"]
    for name in names:
        put(layout, name)
        arrived = (layout.inbox / f"{name}.json").stat().st_ctime_ns
        # The clock of the file system ticks every few milliseconds.
        wait_until(lambda arrived=arrived: _ctime_now(layout) > arrived)
    drain()
    assert dispatcher.effects.read_text().split() == names


def _ctime_now(layout: MailboxLayout) -> int:
    probe = layout.root / "probe"
    probe.touch()
    return probe.stat().st_ctime_ns


def test_writes_in_progress_and_other_mailboxes_are_left_alone(
    layout: MailboxLayout, drain: Drain
) -> None:
    for name in (".hidden.json", "x.json.tmp", ".x.tmp"):
        (layout.inbox / name).write_bytes(b"{")
    (layout.inbox / "nightly").mkdir()
    drain()
    assert {path.name for path in layout.inbox.iterdir()} == {
        ".hidden.json",
        "x.json.tmp",
        ".x.tmp",
        "nightly",
    }
    assert not layout.journal.exists()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 4000, b"[1]", b"null", b"{}", b"9" * 4096],
)
@pytest.mark.parametrize("times", [LONG_AGO, FAR_AHEAD])
def test_a_broken_request_is_answered(
    layout: MailboxLayout, drain: Drain, body: bytes, times: tuple[int, int]
) -> None:
    write_late(layout.inbox / "broken.json", body, times=times)
    drain()
    assert reply_of(layout, "broken")["error_code"] == "REQUEST_MALFORMED"
    assert list(layout.claimed.iterdir()) == []


def test_an_oversized_request_is_answered(layout: MailboxLayout, drain: Drain) -> None:
    with (layout.inbox / "big.json").open("wb") as file:
        file.truncate(10 * 1024**3)
    drain()
    assert reply_of(layout, "big")["error_code"] == "REQUEST_TOO_LARGE"
    assert list(layout.claimed.iterdir()) == []


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _dangling(path: Path) -> None:
    path.symlink_to("/nonexistent")


def _link_to_request(path: Path) -> None:
    target = path.parent.parent.parent / "elsewhere"
    target.write_bytes(request_bytes("odd"))
    path.symlink_to(target)


def _hard_link(path: Path) -> None:
    target = path.parent.parent.parent / "elsewhere"
    target.write_bytes(request_bytes("odd"))
    path.hardlink_to(target)


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_bytes(b"kept")


def _socket(path: Path) -> None:
    # Bound by a short relative name: the address has room for a hundred characters only.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    "plant", [_fifo, _dangling, _link_to_request, _hard_link, _folder, _socket]
)
def test_a_special_file_becomes_a_dead_letter_and_others_are_answered(
    layout: MailboxLayout,
    drain: Drain,
    dispatcher: RecordingDispatcher,
    plant: Callable[[Path], None],
) -> None:
    plant(layout.inbox / "odd.json")
    put(layout, "fine")
    drain()
    assert reply_of(layout, "fine")["success"]
    assert not (layout.outbox / "odd.json").exists()
    (record,) = read_records(layout.dead_letters)
    assert record["name"] == "odd.json"
    assert record["envelope"]["error_code"] == "REQUEST_MALFORMED"
    assert os.path.lexists(record["body"])
    assert [line["dead_letter"] for line in dispatcher.journal.lines() if line["dead_letter"]] == [
        record["dead_letter"]
    ]
    assert list(layout.claimed.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "a b.json",
        "readme.txt",
        "\x1b[31mred.json",
        "x" * 129 + ".json",
        "worker.json",
        "WORKER.json",
        os.fsdecode(b"\xff\xfe.json"),
        "new\nline.json",
        "-",
        "~",
    ],
)
def test_a_name_that_cannot_be_answered_becomes_a_dead_letter(
    layout: MailboxLayout, drain: Drain, log: list[str], name: str
) -> None:
    (layout.inbox / name).write_bytes(request_bytes("x"))
    drain()
    (record,) = read_records(layout.dead_letters)
    assert record["name"] == ascii(name)[1:-1]
    assert Path(record["body"]).read_bytes() == request_bytes("x")
    assert all(line.isprintable() and line.isascii() for line in log)
    assert {path.name for path in layout.outbox.iterdir()} == {"journal.jsonl", "worker.json"}


def test_a_repeated_request_gets_the_same_answer_and_is_applied_once(
    layout: MailboxLayout, drain: Drain, dispatcher: RecordingDispatcher
) -> None:
    put(layout, "one", n=1)
    drain()
    first = (layout.outbox / "one.json").stat()
    put(layout, "one", n=1)
    drain()
    assert (layout.outbox / "one.json").stat().st_ino == first.st_ino
    assert codes(dispatcher) == [None]
    assert dispatcher.effects.read_text().split() == ["one"]


def test_a_repeated_request_restores_its_pruned_reply(layout: MailboxLayout, drain: Drain) -> None:
    put(layout, "one", n=1)
    drain()
    before = (layout.outbox / "one.json").read_bytes()
    (layout.outbox / "one.json").unlink()
    put(layout, "one", n=1)
    drain()
    assert (layout.outbox / "one.json").read_bytes() == before


def test_a_different_request_with_a_used_id_becomes_a_dead_letter(
    layout: MailboxLayout, drain: Drain, dispatcher: RecordingDispatcher
) -> None:
    put(layout, "one", n=1)
    drain()
    before = (layout.outbox / "one.json").read_bytes()
    put(layout, "one", n=2)
    drain()
    assert (layout.outbox / "one.json").read_bytes() == before
    assert codes(dispatcher) == [None, "CORRELATION_ID_CONFLICT"]
    (record,) = read_records(layout.dead_letters)
    assert record["envelope"]["error_code"] == "CORRELATION_ID_CONFLICT"
    assert Path(record["body"]).read_bytes() == request_bytes("one", n=2)


@pytest.fixture
def serving(
    layout: MailboxLayout, dispatcher: RecordingDispatcher, log: list[str]
) -> Callable[..., tuple[Worker, threading.Thread]]:
    def serve(watching: Watching | None = None) -> tuple[Worker, threading.Thread]:
        worker = Worker(layout, dispatcher, settings=SETTINGS, log=log.append)
        thread = threading.Thread(target=worker.serve, args=(watching,), daemon=True)
        thread.start()
        return worker, thread

    return serve


def test_a_half_written_request_is_answered_once_it_is_complete(
    layout: MailboxLayout, serving: Callable[..., tuple[Worker, threading.Thread]]
) -> None:
    whole = request_bytes("slow", n=1)
    path = layout.inbox / "slow.json"
    with path.open("wb", buffering=0) as file:
        file.write(whole[:10])
        worker, thread = serving()
        wait_until(lambda: any(layout.claimed.iterdir()))
        put(layout, "other")
        wait_until((layout.outbox / "other.json").exists)
        assert not (layout.outbox / "slow.json").exists()
        file.write(whole[10:])
    wait_until((layout.outbox / "slow.json").exists)
    worker.stop()
    thread.join()
    assert reply_of(layout, "slow")["success"]


def test_a_disk_failure_stalls_the_mailbox_and_loses_nothing(
    layout: MailboxLayout,
    dispatcher: RecordingDispatcher,
    log: list[str],
    serving: Callable[..., tuple[Worker, threading.Thread]],
) -> None:
    dispatcher.broken = True
    put(layout, "one")
    (layout.inbox / "bad name").write_bytes(b"")
    worker, thread = serving()
    wait_until(lambda: (heartbeat_file.last_beat(layout.heartbeat) or {}).get("state") == "stalled")
    wait_until(lambda: any("stalled" in line for line in log))
    assert not (layout.outbox / "one.json").exists()
    dispatcher.broken = False
    wait_until((layout.outbox / "one.json").exists)
    wait_until(lambda: len(list(read_records(layout.dead_letters))) == 1)
    wait_until(lambda: (heartbeat_file.last_beat(layout.heartbeat) or {}).get("state") == "running")
    worker.stop()
    thread.join()
    assert dispatcher.effects.read_text().split() == ["one"]
    assert sorted(codes(dispatcher), key=str) == [None, "REQUEST_MALFORMED"]


def test_a_drain_reports_a_disk_failure(
    layout: MailboxLayout, drain: Drain, dispatcher: RecordingDispatcher
) -> None:
    dispatcher.broken = True
    put(layout, "one")
    with pytest.raises(StorageFailed):
        drain()
    dispatcher.broken = False
    drain()
    assert reply_of(layout, "one")["success"]


def test_a_removed_folder_is_created_again(
    layout: MailboxLayout, serving: Callable[..., tuple[Worker, threading.Thread]]
) -> None:
    worker, thread = serving()
    wait_until(layout.heartbeat.exists)
    shutil.rmtree(layout.inbox)
    wait_until(layout.inbox.is_dir)
    put(layout, "one")
    wait_until((layout.outbox / "one.json").exists)
    worker.stop()
    thread.join()


@pytest.mark.parametrize("watch", [None, watching])
def test_a_request_is_answered_with_and_without_file_events(
    layout: MailboxLayout,
    serving: Callable[..., tuple[Worker, threading.Thread]],
    watch: Watching | None,
) -> None:
    worker, thread = serving(watch)
    put(layout, "one")
    wait_until((layout.outbox / "one.json").exists)
    worker.stop()
    thread.join()
    # A busy machine may take longer for the last beat than the worker waits for it.
    wait_until(lambda: (heartbeat_file.last_beat(layout.heartbeat) or {})["state"] == "stopped")


def test_a_second_worker_refuses_to_start(
    layout: MailboxLayout,
    drain: Drain,
    serving: Callable[..., tuple[Worker, threading.Thread]],
) -> None:
    worker, thread = serving()
    wait_until(lambda: heartbeat_file.is_alive(layout.heartbeat))
    with pytest.raises(StorageFailed) as refusal:
        drain()
    assert str(os.getpid()) in refusal.value.message
    worker.stop()
    thread.join()
    drain()


def test_a_stopping_worker_takes_no_further_request(
    layout: MailboxLayout, serving: Callable[..., tuple[Worker, threading.Thread]]
) -> None:
    started, release = layout.root / "started", layout.root / "release"
    put(layout, "in-hand", started=str(started), wait_for=str(release))
    worker, thread = serving()
    wait_until(started.exists)
    worker.stop()
    put(layout, "later")
    release.touch()
    thread.join()
    assert reply_of(layout, "in-hand")["success"]
    assert [path.name for path in layout.inbox.iterdir()] == ["later.json"]
