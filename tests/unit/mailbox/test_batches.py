"""Requests that can be batched are answered together, in their order; others are answered alone."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread, current_thread

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.mailbox.claims import Claim
from specify_cli.mailbox.dead_letters import DeadLetters
from specify_cli.mailbox.inbox import Inbox
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.outbox import Outbox
from specify_cli.mailbox.processor import SLOW_S, BatchResult, Processor
from specify_cli.mailbox.queues import Queues
from specify_cli.mailbox.settings import Orchestrator, WorkerContext
from specify_cli.mailbox.worker import Worker
from specify_cli.mailbox.worker_status import WorkerStatus
from specify_cli.storage import heartbeat_file
from specify_cli.storage.request_file import Lookup, RequestFile
from tests.patience import LONGEST_S
from tests.unit.mailbox.recording import (
    SETTINGS,
    RecordedAnswer,
    RecordingDispatcher,
    put,
    put_in_order,
    reply_of,
    request_bytes,
    wait_until,
)

CLAIM_ID = "01JD8Z6W3M4Y6T1F8B2Q5R7X9"


class BatchingDispatcher(RecordingDispatcher):
    """Batches all requests but those that wait; `declined` are answered alone."""

    def __init__(self, layout: MailboxLayout) -> None:
        super().__init__(layout)
        self.batches: list[list[str]] = []
        self.declined: set[str] = set()

    def look_up(self, raw: bytes) -> Lookup:
        return super().look_up(raw)._replace(is_batched=b"wait_for" not in raw)

    def answer_batch(self, files: Sequence[RequestFile]) -> list[RecordedAnswer | None]:
        self.batches.append([it.stem for it in files])
        left: set[str] = set()
        answers: list[RecordedAnswer | None] = []
        for file in files:
            if file.stem in self.declined:
                left.add(file.lookup.queue)
            is_left = file.lookup.queue in left
            answers.append(None if is_left else self._answered(file))
        return answers

    def _answered(self, file: RequestFile) -> RecordedAnswer:
        return self.answer_bytes(file.raw, stem=file.stem, identity=file.identity)


@pytest.fixture
def dispatcher(layout: MailboxLayout) -> BatchingDispatcher:
    return BatchingDispatcher(layout)


@pytest.fixture
def drain(
    layout: MailboxLayout, dispatcher: BatchingDispatcher, log: list[str]
) -> Callable[[], None]:
    return lambda: Worker(layout, dispatcher, settings=SETTINGS, log=log.append).drain()


def effects(dispatcher: RecordingDispatcher) -> list[str]:
    return dispatcher.effects.read_text().split() if dispatcher.effects.exists() else []


def test_waiting_requests_are_answered_together_and_in_order(
    layout: MailboxLayout, dispatcher: BatchingDispatcher, drain: Callable[[], None]
) -> None:
    put_in_order(layout, "c", "a", "b")
    drain()
    assert dispatcher.batches == [["c", "a", "b"]]
    assert effects(dispatcher) == ["c", "a", "b"]
    assert reply_of(layout, "a")["data"] == {"echo": {}}
    assert list(layout.claimed.iterdir()) == []


def test_later_requests_of_a_queue_wait_for_one_that_is_answered_alone(
    layout: MailboxLayout, dispatcher: BatchingDispatcher, drain: Callable[[], None]
) -> None:
    dispatcher.declined = {"b"}
    put_in_order(layout, "a", "b", "c", mission="one")
    put_in_order(layout, "x", "y", mission="two")
    drain()
    found = effects(dispatcher)
    assert [it for it in found if it in "abc"] == ["a", "b", "c"]
    assert [it for it in found if it in "xy"] == ["x", "y"]
    assert dispatcher.batches[0] == ["a", "b", "c", "x", "y"]


def test_a_slow_request_is_not_overtaken_and_other_queues_continue(
    layout: MailboxLayout, dispatcher: BatchingDispatcher, log: list[str], tmp_path: Path
) -> None:
    go, started = tmp_path / "go", tmp_path / "started"
    worker = Worker(layout, dispatcher, settings=SETTINGS, log=log.append)
    thread = Thread(target=worker.serve, daemon=True)
    thread.start()
    try:
        put(layout, "slow", mission="one", wait_for=str(go), started=str(started))
        wait_until(started.exists)
        put_in_order(layout, "behind", "last", mission="one")
        put(layout, "other", mission="two")
        wait_until((layout.outbox / "other.json").exists)
        assert not (layout.outbox / "behind.json").exists()
        go.touch()
        wait_until((layout.outbox / "last.json").exists)
    finally:
        go.touch()
        worker.stop()
        thread.join()
    assert effects(dispatcher) == ["other", "slow", "behind", "last"]


def test_held_back_requests_count_as_waiting(
    layout: MailboxLayout, dispatcher: BatchingDispatcher, log: list[str], tmp_path: Path
) -> None:
    go, started = tmp_path / "go", tmp_path / "started"
    worker = Worker(
        layout, dispatcher, settings=replace(SETTINGS, beat_interval_s=0.05), log=log.append
    )
    thread = Thread(target=worker.serve, daemon=True)
    thread.start()

    try:
        put(layout, "slow", mission="one", wait_for=str(go), started=str(started))
        wait_until(started.exists)
        put_in_order(layout, "b", "c", mission="one")
        wait_until(lambda: not any(layout.inbox.glob("*.json")))
        wait_until(lambda: (heartbeat_file.last_beat(layout.heartbeat) or {}).get("depth") == 3)
    finally:
        go.touch()
        worker.stop()
        thread.join()
    assert effects(dispatcher)[0] == "slow"


def test_the_next_worker_answers_the_batch_of_a_killed_worker(
    layout: MailboxLayout, dispatcher: BatchingDispatcher, drain: Callable[[], None]
) -> None:
    for number in range(3):
        claim = layout.claimed / f"{CLAIM_ID}{number}-id-{number}.json"
        claim.write_bytes(request_bytes(f"id-{number}"))
    put(layout, "new")
    drain()
    assert effects(dispatcher) == ["id-0", "id-1", "id-2", "new"]


def test_a_reply_is_published_once_the_disk_has_space_again(
    layout: MailboxLayout,
    dispatcher: BatchingDispatcher,
    drain: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    put_in_order(layout, "a", "b")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(StorageFailed, match="No space left"):
            drain()
    drain()
    assert effects(dispatcher) == ["a", "b"]
    assert reply_of(layout, "a")["success"]
    assert reply_of(layout, "b")["success"]
    assert list(layout.claimed.iterdir()) == []


def test_a_request_whose_claim_is_removed_is_still_applied(
    layout: MailboxLayout,
    dispatcher: BatchingDispatcher,
    drain: Callable[[], None],
    log: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer_batch = dispatcher.answer_batch
    dispatcher.declined = {"a"}

    def taken_away(files: Sequence[RequestFile]) -> list[RecordedAnswer | None]:
        answers = answer_batch(files)
        for path in layout.claimed.iterdir():
            path.unlink()
        return answers

    monkeypatch.setattr(dispatcher, "answer_batch", taken_away)
    put(layout, "a")
    drain()
    # The content that was read counts.
    assert effects(dispatcher) == ["a"]


def test_a_request_outside_the_batch_keeps_its_place_in_the_order(
    layout: MailboxLayout, dispatcher: BatchingDispatcher, drain: Callable[[], None], tmp_path: Path
) -> None:
    # It need not wait, and is answered by the executor.
    (tmp_path / "go").touch()
    alone = {"wait_for": str(tmp_path / "go"), "started": str(tmp_path / "started")}
    put_in_order(layout, "a1", "a2", mission="one")
    put_in_order(layout, "b1", mission="one", **alone)
    put_in_order(layout, "c1", "c2", mission="one")
    put_in_order(layout, "d1", "d2", mission="one", **alone)
    put_in_order(layout, "e1", mission="one")
    drain()
    assert effects(dispatcher) == ["a1", "a2", "b1", "c1", "c2", "d1", "d2", "e1"]


def test_a_claim_emptied_by_a_power_loss_gets_its_reply_again(
    layout: MailboxLayout, dispatcher: BatchingDispatcher, drain: Callable[[], None]
) -> None:
    put(layout, "a")
    drain()
    reply = reply_of(layout, "a")
    lines = len([*dispatcher.journal.lines()])
    (layout.claimed / f"{CLAIM_ID}1-a.json").write_bytes(b"")
    (layout.outbox / "a.json").write_bytes(b"")
    drain()
    assert reply_of(layout, "a") == reply
    assert list(layout.claimed.iterdir()) == []
    assert len([*dispatcher.journal.lines()]) == lines
    assert list(layout.dead_letters.iterdir()) == []


def test_a_claim_changed_by_its_writer_does_not_remove_a_reply(
    layout: MailboxLayout, drain: Callable[[], None]
) -> None:
    put(layout, "a")
    drain()
    reply = reply_of(layout, "a")
    (layout.claimed / f"{CLAIM_ID}1-a.json").write_bytes(request_bytes("a", other=1))
    (layout.outbox / "a.json").unlink()
    drain()
    assert reply_of(layout, "a") == reply
    assert len(list(layout.dead_letters.glob("*.body"))) == 1


def test_a_slow_outbox_does_not_delay_other_mailboxes(
    layout: MailboxLayout,
    dispatcher: BatchingDispatcher,
    log: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish = Outbox.publish
    go, threads = Event(), set[str]()

    def slowly(outbox: Outbox, stem: str, reply: bytes) -> bool:
        if stem.startswith("slow"):
            threads.add(name := current_thread().name)
            go.wait(LONGEST_S if name == "executor" else 2 * SLOW_S)
        return publish(outbox, stem, reply)

    monkeypatch.setattr(Outbox, "publish", slowly)
    granted = tuple(Orchestrator(identity=name, commands=()) for name in ("slow", "fast"))
    worker = Worker(
        layout, dispatcher, settings=replace(SETTINGS, orchestrators=granted), log=log.append
    )
    for identity in ("slow", "fast"):
        layout.ensure_mailbox(identity)
    for number in range(20):
        put(layout, f"slow{number}", "slow")
    thread = Thread(target=worker.serve, daemon=True)
    thread.start()
    try:
        wait_until(lambda: "executor" in threads)
        put(layout, "quick", "fast")
        wait_until((layout.outbox / "fast" / "quick.json").exists)
        assert not (layout.outbox / "slow" / "slow19.json").exists()
        go.set()
        wait_until((layout.outbox / "slow" / "slow19.json").exists)
    finally:
        go.set()
        worker.stop()
        thread.join()


def test_queues_count_items_and_bytes() -> None:
    queues: Queues[int] = Queues()
    for number in range(10):
        queues.append("ab"[number % 2], number, size=number)
    assert (queues.count, queues.bytes, queues.names()) == (10, 45, ["a", "b"])
    assert [queues.take("a") for _ in range(5)] == [0, 2, 4, 6, 8]
    assert (queues.count, queues.bytes, queues.names()) == (5, 25, ["b"])
    assert queues.first("b") == 1
    queues.clear()
    assert (queues.count, queues.bytes, queues.has("b")) == (0, 0, False)


def test_only_one_thread_at_a_time_retires_answered_claims(
    layout: MailboxLayout,
    dispatcher: BatchingDispatcher,
    log: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entered, go = Event(), Event()
    sync = Outbox.sync

    def slowly(outbox: Outbox) -> None:
        entered.set()
        go.wait()
        sync(outbox)

    monkeypatch.setattr(Outbox, "sync", slowly)
    paths = layout.paths("default")
    context = WorkerContext(
        layout=layout,
        dispatcher=dispatcher,
        settings=SETTINGS,
        log=log.append,
        status=WorkerStatus(commands=frozenset(), config_digest=None),
    )
    processor = Processor(
        context,
        Inbox(paths),
        outbox=Outbox(paths),
        orchestrator=Orchestrator(identity="default", commands=()),
        dead_letters=DeadLetters(layout, refuse=lambda *_: {}),
    )
    claim = Claim(f"{CLAIM_ID}1", "a", layout.claimed / f"{CLAIM_ID}1-a.json", layout.root)
    claim.path.write_bytes(request_bytes("a"))
    answer = dispatcher.answer_bytes(request_bytes("a"), stem="a", identity="default")
    processor.deliver(BatchResult(redaction=0, undelivered=[(claim, answer)]))
    thread = Thread(target=processor.answered.retire)
    thread.start()
    entered.wait()
    processor.answered.retire()
    # A worker that recovers the mailbox meanwhile recognizes that it was answered.
    assert processor.answered.ids() == {claim.claim_id}
    assert claim.path.exists()
    go.set()
    thread.join()
    assert processor.answered.ids() == set()
    assert not claim.path.exists()


def test_claims_of_a_removed_mailbox_are_removed(
    layout: MailboxLayout, dispatcher: BatchingDispatcher, log: list[str]
) -> None:
    worker = Worker(layout, dispatcher, settings=SETTINGS, log=log.append)
    thread = Thread(target=worker.serve, daemon=True)
    thread.start()
    inbox = layout.inbox / "guest"
    try:
        for number in range(3):
            inbox.mkdir()
            put(layout, f"z{number}", "guest")
            wait_until((layout.outbox / "guest" / f"z{number}.json").exists)
            wait_until(lambda: not any(inbox.iterdir()))
            inbox.rmdir()
            claimed = layout.paths("guest").claimed
            wait_until(lambda claimed=claimed: not any(claimed.iterdir()))
    finally:
        worker.stop()
        thread.join()
    assert effects(dispatcher) == ["z0", "z1", "z2"]
    assert not any("(repeated)" in words for words in log)


def test_an_error_in_one_mailbox_does_not_stop_the_others(
    layout: MailboxLayout,
    dispatcher: BatchingDispatcher,
    log: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer_batch = dispatcher.answer_batch

    def fails_once(files: Sequence[RequestFile]) -> list[RecordedAnswer | None]:
        monkeypatch.setattr(dispatcher, "answer_batch", answer_batch)
        raise RuntimeError("a bug")

    monkeypatch.setattr(dispatcher, "answer_batch", fails_once)
    worker = Worker(layout, dispatcher, settings=SETTINGS, log=log.append)
    put(layout, "a")
    thread = Thread(target=worker.serve, daemon=True)
    thread.start()
    try:
        wait_until((layout.outbox / "a.json").exists)
    finally:
        worker.stop()
        thread.join()
    assert any("a fault of the host: RuntimeError('a bug')" in words for words in log)
