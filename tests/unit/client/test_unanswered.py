"""The client says why there is no answer."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spec_kitty_client import (
    BadReplyError,
    LostContactError,
    Mailbox,
    NotAnsweredError,
    NoWorkerError,
    QueuedError,
    TakenError,
)
from spec_kitty_client.heartbeat import WorkerHeartbeat
from spec_kitty_client.waiting import PendingRequest
from tests.patience import LONGEST_S

ALIVE = {"state": "running", "interval_s": 60}
SOUND = {
    "contract_version": "1.3.0",
    "command": "orchestrator-api.note",
    "timestamp": "2026-01-01T00:00:00Z",
    "correlation_id": "mine",
    "success": True,
    "error_code": None,
    "data": {},
}


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    for name in ("inbox", "outbox"):
        (tmp_path / name).mkdir()
    return Mailbox(tmp_path / "inbox", tmp_path / "outbox")


def beat(mailbox: Mailbox, *, aged_s: float = 0, **report: Any) -> Path:
    path = mailbox.outbox / "worker.json"
    path.write_text(json.dumps(ALIVE | report))
    moment = path.stat().st_mtime - aged_s
    os.utime(path, (moment, moment))
    return path


def verdict(mailbox: Mailbox, correlation_id: str = "mine") -> NotAnsweredError:
    with pytest.raises(NotAnsweredError) as missed:
        mailbox.wait(correlation_id, timeout_s=0)
    assert missed.value.correlation_id == correlation_id
    return missed.value


def submit(mailbox: Mailbox, *ids: str) -> None:
    for moment, correlation_id in enumerate(ids):
        mailbox.submit("note", {}, correlation_id=correlation_id)
        landed = (mailbox.inbox / f"{correlation_id}.json").stat().st_ctime_ns
        # The next one must have landed later by the clock of the file system too.
        while _now_by_the_file_system(mailbox, moment) <= landed:
            pass


def _now_by_the_file_system(mailbox: Mailbox, number: int) -> int:
    probe = mailbox.inbox / f".{number}"
    probe.touch()
    now = probe.stat().st_ctime_ns
    probe.unlink()
    return now


def test_there_is_no_worker_without_a_heartbeat(mailbox: Mailbox) -> None:
    submit(mailbox, "mine")
    assert isinstance(verdict(mailbox), NoWorkerError)


@pytest.mark.parametrize("aged_s", [600, -600])
def test_an_old_or_future_heartbeat_does_not_count_as_a_worker(
    mailbox: Mailbox, aged_s: float
) -> None:
    beat(mailbox, aged_s=aged_s)
    assert verdict(mailbox).reason == "no_worker"


def test_a_stopped_worker_does_not_count_as_a_worker(mailbox: Mailbox) -> None:
    beat(mailbox, state="stopped")
    assert verdict(mailbox).reason == "no_worker"


def test_a_request_in_the_inbox_of_a_running_worker_is_reported_as_queued(
    mailbox: Mailbox,
) -> None:
    beat(mailbox)
    submit(mailbox, "zz-first", "mine", "aa-last")
    (mailbox.inbox / ".half.tmp").touch()
    missed = verdict(mailbox)
    assert isinstance(missed, QueuedError)
    assert (missed.reason, missed.position) == ("queued", 2)
    assert mailbox.position("aa-last") == 3


def test_a_request_that_a_running_worker_has_claimed_is_reported_as_taken(mailbox: Mailbox) -> None:
    beat(mailbox)
    missed = verdict(mailbox)
    assert isinstance(missed, TakenError)
    assert missed.reason == "taken"


def test_a_worker_that_stops_during_the_wait_is_reported_as_lost_contact(mailbox: Mailbox) -> None:
    beat(mailbox)
    request = PendingRequest(mailbox, "mine")
    assert request.heartbeat.look()
    beat(mailbox, state="stopped")
    assert isinstance(request.verdict(), LostContactError)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, which stands still."""
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def test_a_heartbeat_that_stops_during_the_wait_is_reported_as_lost_contact(
    mailbox: Mailbox, now: list[float]
) -> None:
    path = beat(mailbox)
    request = PendingRequest(mailbox, "mine")
    assert request.heartbeat.look()
    os.utime(path, (path.stat().st_mtime - 3600,) * 2)
    assert request.heartbeat.look()
    now[0] += request.heartbeat.patience_s
    assert isinstance(request.verdict(), LostContactError)


@pytest.mark.parametrize("end", [lambda it: it.unlink(), lambda it: os.utime(it, (1, 1))])
def test_a_worker_is_lost_only_after_three_missed_beats(
    mailbox: Mailbox, now: list[float], end: Callable[[Path], None]
) -> None:
    path = beat(mailbox)
    waiting = PendingRequest(mailbox, "mine")
    assert waiting.heartbeat.look()
    end(path)
    waiting.heartbeat.look()
    now[0] += waiting.heartbeat.patience_s - 1
    waiting.heartbeat.look()
    waiting.need_worker()
    now[0] += 1
    waiting.heartbeat.look()
    with pytest.raises(LostContactError, match=r"contact was lost: .*mailbox serve"):
        waiting.need_worker()


@pytest.mark.parametrize("name", ["inbox", "outbox"])
def test_a_folder_that_vanishes_is_reported_as_lost_contact(mailbox: Mailbox, name: str) -> None:
    beat(mailbox)
    folder = mailbox.inbox.parent / name
    folder.rename(folder.with_name("gone"))
    assert verdict(mailbox).reason == "lost_contact"


def test_the_reason_of_a_stalled_worker_is_passed_on(mailbox: Mailbox) -> None:
    beat(mailbox, state="stalled", stalled_reason="the disk is full")
    assert "the disk is full" in str(verdict(mailbox))


def test_a_changing_heartbeat_counts_as_alive_whatever_the_clock_says(mailbox: Mailbox) -> None:
    path = beat(mailbox, aged_s=86_400)
    heartbeat = WorkerHeartbeat(str(path))
    assert not heartbeat.look()
    beat(mailbox, aged_s=86_399)
    assert heartbeat.look()


def answer(mailbox: Mailbox, correlation_id: str = "mine", **changes: Any) -> dict[str, Any]:
    envelope = {**SOUND, "correlation_id": correlation_id, **changes}
    (mailbox.outbox / "mine.json").write_text(json.dumps(envelope))
    return envelope


def test_a_reply_is_returned_even_without_a_worker(mailbox: Mailbox) -> None:
    envelope = answer(mailbox)
    assert mailbox.wait("mine", timeout_s=0) == envelope


def test_a_reply_that_is_not_an_envelope_is_reported(mailbox: Mailbox) -> None:
    (mailbox.outbox / "mine.json").write_bytes(b'{"success": true}')
    with pytest.raises(BadReplyError):
        mailbox.wait("mine", timeout_s=0)


TORN = [b"", b"\0" * 600, b"{", b"[]", b"null", b"\xff", b"[" * 100_000]


@pytest.mark.parametrize("content", TORN)
def test_a_reply_torn_by_a_power_loss_counts_as_absent(mailbox: Mailbox, content: bytes) -> None:
    (mailbox.outbox / "mine.json").write_bytes(content)
    assert mailbox.reply("mine") is None
    envelope = answer(mailbox)
    assert mailbox.wait("mine", timeout_s=0) == envelope


CONTRADICTIONS: list[dict[str, Any]] = [
    {"error_code": "HOST_ERROR"},
    {"success": False},
    {"success": False, "error_code": ""},
    {"success": False, "error_code": 7},
    {"success": 1},
    {"success": "true"},
    {"data": []},
    {"data": None},
    {"data": {"seconds": float("nan")}},
]


@pytest.mark.parametrize("changes", CONTRADICTIONS, ids=repr)
def test_an_inconsistent_envelope_is_refused(mailbox: Mailbox, changes: dict[str, Any]) -> None:
    answer(mailbox, **changes)
    with pytest.raises(BadReplyError):
        mailbox.reply("mine")


@pytest.mark.parametrize("name", SOUND)
def test_an_incomplete_envelope_is_refused(mailbox: Mailbox, name: str) -> None:
    envelope = {key: value for key, value in SOUND.items() if key != name}
    (mailbox.outbox / "mine.json").write_text(json.dumps(envelope))
    with pytest.raises(BadReplyError):
        mailbox.reply("mine")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "[{}, -1e999]"])
def test_an_envelope_with_a_number_that_is_too_large_is_refused(
    mailbox: Mailbox, number: str
) -> None:
    text = json.dumps(SOUND).replace("{}", f'{{"seconds": {number}}}')
    (mailbox.outbox / "mine.json").write_text(text)
    with pytest.raises(BadReplyError):
        mailbox.reply("mine")


def test_an_envelope_may_have_fields_of_a_later_contract(mailbox: Mailbox) -> None:
    envelope = answer(mailbox, trace_id="t", data={"seconds": 1.5, "more": [1e300]})
    assert mailbox.reply("mine") == envelope


def test_a_refusal_may_have_a_code_that_came_with_a_later_contract(mailbox: Mailbox) -> None:
    envelope = answer(mailbox, success=False, error_code="OF_TOMORROW", data={"message": "no"})
    assert mailbox.reply("mine") == envelope


def test_an_envelope_with_another_id_is_refused(mailbox: Mailbox) -> None:
    answer(mailbox, correlation_id="other")
    with pytest.raises(BadReplyError):
        mailbox.reply("mine")


def test_a_huge_reply_is_not_read_into_memory(mailbox: Mailbox) -> None:
    with (mailbox.outbox / "mine.json").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(BadReplyError):
        mailbox.reply("mine")


def _link(path: Path) -> None:
    path.symlink_to(path.with_name("other"))


def _socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir, _link, _socket])
def test_a_special_file_at_the_path_of_the_reply_is_not_waited_for(
    mailbox: Mailbox, plant: Any
) -> None:
    plant(mailbox.reply_path("mine"))
    with pytest.raises(BadReplyError):
        mailbox.reply("mine")


def test_a_submitted_request_is_a_readable_regular_file(mailbox: Mailbox) -> None:
    submit(mailbox, "mine")
    mode = (mailbox.inbox / "mine.json").stat().st_mode
    assert stat.S_ISREG(mode)
    assert mode & stat.S_IRUSR


def test_a_waiting_caller_gets_the_state_of_its_request(mailbox: Mailbox) -> None:
    class Told(Exception):
        pass

    def note(request: PendingRequest) -> None:
        raise Told(request.standing(mailbox.position("mine")))

    beat(mailbox)
    submit(mailbox, "mine")
    with pytest.raises(Told, match="position 1"):
        mailbox.wait("mine", timeout_s=LONGEST_S, on_look=note)


def test_a_link_in_the_inbox_counts_for_the_position_in_the_queue(mailbox: Mailbox) -> None:
    (mailbox.inbox / "before.json").symlink_to("nowhere")
    submit(mailbox, "mine")
    assert mailbox.position("mine") == 2
