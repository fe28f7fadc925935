from __future__ import annotations

import itertools
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spec_kitty_client import Mailbox, NotAnsweredError, NoWorkerError, ids
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.worker import Worker
from tests.durability import watched
from tests.patience import LONGEST_S, wait_until
from tests.together import meet
from tests.unit.mailbox.recording import SETTINGS, RecordingDispatcher


@pytest.fixture
def layout(tmp_path: Path) -> MailboxLayout:
    made = MailboxLayout(tmp_path)
    made.ensure()
    return made


@pytest.fixture
def mailbox(layout: MailboxLayout) -> Mailbox:
    return Mailbox(layout.inbox, layout.outbox)


def test_a_call_is_answered(layout: MailboxLayout, mailbox: Mailbox) -> None:
    worker = Worker(layout, RecordingDispatcher(layout), settings=SETTINGS, log=lambda _: None)
    thread = threading.Thread(target=worker.serve)
    thread.start()
    envelope = mailbox.call("note", {"n": 1}, policy={"a": "b"}, timeout_s=LONGEST_S)
    again = mailbox.wait(envelope["correlation_id"], timeout_s=0)
    worker.stop()
    thread.join()
    assert envelope["data"] == {"echo": {"n": 1}}
    assert again == envelope
    # A busy machine may take longer for the last beat than the worker waits for it.
    wait_until(lambda: not mailbox.worker_is_alive())


def test_a_submitted_request_is_a_file_named_by_its_id(mailbox: Mailbox) -> None:
    correlation_id = mailbox.submit("note", {"n": 1}, not_after="2030-01-01T00:00:00Z")
    (path,) = mailbox.inbox.iterdir()
    assert path.name == f"{correlation_id}.json"
    assert json.loads(path.read_bytes()) == {
        "contract_version": "1.3.0",
        "correlation_id": correlation_id,
        "command": "note",
        "args": {"n": 1},
        "not_after": "2030-01-01T00:00:00Z",
    }


def test_a_request_is_synced_before_it_gets_its_name(mailbox: Mailbox) -> None:
    with watched() as disk:
        mailbox.submit("note", {}, correlation_id="mine")
    assert disk.is_kept(mailbox.inbox / "mine.json")


def test_a_request_that_waits_is_not_replaced_by_another(mailbox: Mailbox) -> None:
    mailbox.submit("note", {"n": 1}, correlation_id="mine")
    first = (mailbox.inbox / "mine.json").read_bytes()
    mailbox.submit("note", {"n": 1}, correlation_id="mine")
    with pytest.raises(FileExistsError):
        mailbox.submit("note", {"n": 2}, correlation_id="mine")
    assert [path.read_bytes() for path in mailbox.inbox.iterdir()] == [first]


def _lead(path: Path) -> None:
    same = path.with_name(".same")
    same.write_bytes(b"elsewhere")
    path.symlink_to(same)


@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir, _lead])
def test_a_special_file_at_the_path_of_a_request_is_neither_waited_for_nor_replaced(
    mailbox: Mailbox, plant: Callable[[Path], object]
) -> None:
    target = mailbox.inbox / "mine.json"
    plant(target)
    before = target.lstat()
    with pytest.raises(FileExistsError):
        mailbox.submit("note", {}, correlation_id="mine")
    assert target.lstat().st_ino == before.st_ino


def test_a_huge_file_where_a_request_goes_is_not_read_into_memory(mailbox: Mailbox) -> None:
    with (mailbox.inbox / "mine.json").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(FileExistsError):
        mailbox.submit("note", {}, correlation_id="mine")


NOW_NS = 1_800_000_000 * 1_000_000_000


@pytest.fixture
def mint(monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Creates ids like a new process."""
    monkeypatch.setattr(ids, "_ulids", ids._IncreasingNumbers())
    return ids.new_correlation_id


@pytest.mark.parametrize("step_ns", [0, -1_000_000_000])
def test_ids_sort_in_the_order_of_creation(
    mint: Callable[[], str], monkeypatch: pytest.MonkeyPatch, step_ns: int
) -> None:
    clock = itertools.count(NOW_NS, step_ns)
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    minted = [mint() for _ in range(500)]
    assert minted == sorted(set(minted))
    assert {len(correlation_id) for correlation_id in minted} == {26}


def test_an_id_contains_the_millisecond_of_its_creation(
    mint: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments_ns = [NOW_NS, NOW_NS + 1_999_999, NOW_NS + 5_000_000]
    for now_ns in moments_ns:
        monkeypatch.setattr(time, "time_ns", lambda now_ns=now_ns: now_ns)
        number = 0
        for digit in mint()[:10]:
            number = number * 32 + ids.CROCKFORD.index(digit)
        assert number == now_ns // 1_000_000


def test_threads_create_ids_one_at_a_time(mint: Callable[[], str]) -> None:
    assert not meet(time, "time_ns", mint)


def test_forked_processes_create_different_ids(
    mint: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mint()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, mint().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() != mint()


def test_without_a_worker_the_call_fails_and_the_request_stays(mailbox: Mailbox) -> None:
    with pytest.raises(NoWorkerError) as missed:
        mailbox.call("note", {}, correlation_id="one", timeout_s=0)
    assert missed.value.correlation_id == "one"
    assert (mailbox.inbox / "one.json").exists()


def beat(mailbox: Mailbox, report: object) -> Path:
    path = mailbox.outbox / "worker.json"
    path.write_text(json.dumps(report))
    return path


def test_a_busy_worker_is_not_taken_for_an_absent_one(mailbox: Mailbox) -> None:
    beat(mailbox, {"state": "running", "interval_s": 60})
    with pytest.raises(NotAnsweredError) as missed:
        mailbox.wait("one", timeout_s=0)
    assert not isinstance(missed.value, NoWorkerError)


def test_an_old_heartbeat_does_not_count_as_a_worker(mailbox: Mailbox) -> None:
    os.utime(beat(mailbox, {"state": "running", "interval_s": 2}), (1, 1))
    assert not mailbox.worker_is_alive()


NO_LIFE: list[object] = [
    None,
    [],
    3,
    {"interval_s": None},
    {"state": "stopped"},
    {"interval_s": 10**400},
]


@pytest.mark.parametrize("report", NO_LIFE, ids=lambda report: repr(report)[:40])
def test_an_invalid_heartbeat_does_not_count_as_a_worker(mailbox: Mailbox, report: object) -> None:
    beat(mailbox, report)
    assert not mailbox.worker_is_alive()


def test_an_inbox_that_cannot_be_written_to_leaves_nothing_behind(mailbox: Mailbox) -> None:
    (mailbox.inbox / "one.json").mkdir()
    with pytest.raises(OSError, match=r"."):
        mailbox.submit("note", {}, correlation_id="one")
    assert [path.name for path in mailbox.inbox.iterdir()] == ["one.json"]
