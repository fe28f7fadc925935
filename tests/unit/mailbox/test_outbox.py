"""Replies are published at once; their claims stay until a sync makes the replies durable."""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.files import file_system
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.outbox import Outbox
from specify_cli.mailbox.settings import Orchestrator
from specify_cli.mailbox.worker import Worker
from tests.durability import SYNC_ALL, watched
from tests.unit.mailbox.recording import (
    SETTINGS,
    RecordingDispatcher,
    put,
    put_right,
    reply_of,
    request_bytes,
    swap,
    wait_until,
)

Drain = Callable[[], None]
CLAIM_ID = "01JD8Z6W3M4Y6T1F8B2Q5R7X9N"


@pytest.fixture
def outbox(layout: MailboxLayout) -> Outbox:
    return Outbox(layout.paths("default"))


def test_a_request_stays_claimed_until_its_reply_is_durable(
    layout: MailboxLayout, drain: Drain
) -> None:
    put(layout, "one")
    with watched() as disk:
        drain()
    published = disk.steps.index("rename one.json")
    gone = max(n for n, step in enumerate(disk.steps) if step.endswith("-one.json.read"))
    assert disk.steps[gone].startswith("unlink ")
    assert SYNC_ALL in disk.steps[published:gone]
    assert list(layout.claimed.iterdir()) == []


def test_the_next_worker_gives_the_same_answer_to_an_unsynced_request(
    layout: MailboxLayout,
    drain: Drain,
    dispatcher: RecordingDispatcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: int) -> int:
        raise OSError(errno.EIO, "Input/output error")

    put(layout, "one")
    with monkeypatch.context() as patch:
        patch.setattr(file_system, "_syncfs", lambda: refuse)
        # Logged if that takes longer than a second.
        with suppress(StorageFailed):
            drain()
    assert len(list(layout.claimed.iterdir())) == 1
    reply = reply_of(layout, "one")
    # A power loss left only the name of the reply.
    (layout.outbox / "one.json").write_bytes(b"")
    drain()
    assert reply_of(layout, "one") == reply
    assert list(layout.claimed.iterdir()) == []
    assert dispatcher.effects.read_text().split() == ["one"]


def test_a_worker_retires_answered_claims_while_it_serves(
    layout: MailboxLayout, dispatcher: RecordingDispatcher, log: list[str]
) -> None:
    worker = Worker(layout, dispatcher, settings=SETTINGS, log=log.append)
    thread = Thread(target=worker.serve, daemon=True)
    thread.start()
    try:
        put(layout, "one")
        wait_until((layout.outbox / "one.json").exists)
        wait_until(lambda: not any(layout.claimed.iterdir()))
    finally:
        worker.stop()
        thread.join()


def test_a_reply_whose_sync_failed_is_written_again(
    layout: MailboxLayout, dispatcher: RecordingDispatcher, log: list[str]
) -> None:
    refused: list[int] = []
    real: Any = file_system._syncfs()

    def refuse_once(descriptor: int) -> Any:
        if not refused:
            refused.append(reply.stat().st_ino)
            raise OSError(errno.EIO, "Input/output error")
        return real(descriptor)

    reply = layout.outbox / "one.json"
    worker = Worker(layout, dispatcher, settings=SETTINGS, log=log.append)
    thread = Thread(target=worker.serve, daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_system, "_syncfs", lambda: refuse_once)
        thread.start()
        try:
            put(layout, "one")
            wait_until(lambda: refused and not any(layout.claimed.iterdir()))
        finally:
            worker.stop()
            thread.join()
    assert reply.stat().st_ino not in refused
    assert dispatcher.effects.read_text().split() == ["one"]


def test_an_outbox_that_cannot_be_synced_stops_only_its_own_mailbox(
    layout: MailboxLayout, worker: Callable[..., Worker], tmp_path: Path
) -> None:
    granted = [Orchestrator(identity=name, commands=()) for name in ("one", "two")]
    made = worker(*granted)
    thread = Thread(target=made.serve, daemon=True)
    thread.start()
    try:
        put(layout, "a", "one")
        wait_until((layout.outbox / "one" / "a.json").exists)
        swap(layout.outbox / "one", tmp_path / "moved", tmp_path / "moved")
        beat = layout.paths("two").heartbeat
        for number in range(3):
            put(layout, f"b{number}", "two")
            put(layout, f"c{number}")
            wait_until((layout.outbox / "two" / f"b{number}.json").exists)
            wait_until((layout.outbox / f"c{number}.json").exists)
        assert json.loads(beat.read_bytes())["state"] == "running"
        put_right(layout.outbox / "one", tmp_path / "moved")
        wait_until(lambda: not any(layout.paths("one").claimed.iterdir()))
    finally:
        made.stop()
        thread.join()


def test_recovered_claims_beyond_the_limits_are_answered(
    layout: MailboxLayout, dispatcher: RecordingDispatcher, log: list[str]
) -> None:
    for number in range(4):
        name = f"{CLAIM_ID[:-1]}{number}-id-{number}.json"
        (layout.claimed / name).write_bytes(request_bytes(f"id-{number}"))
    bounds = Orchestrator(identity="default", commands=(), max_waiting=2)
    settings = replace(SETTINGS, orchestrators=(bounds,))
    Worker(layout, dispatcher, settings=settings, log=log.append).drain()
    assert dispatcher.effects.read_text().split() == ["id-0", "id-1", "id-2", "id-3"]


@pytest.mark.parametrize("torn", [b"", b"\0" * 40, b'{"half', b"[1]\n", b"\xff\n"])
def test_a_reply_torn_by_a_power_loss_is_published_again(
    layout: MailboxLayout, outbox: Outbox, torn: bytes
) -> None:
    (layout.outbox / "one.json").write_bytes(torn)
    assert outbox.publish("one", b'{"whole": 1}\n')
    assert (layout.outbox / "one.json").read_bytes() == b'{"whole": 1}\n'


def test_a_complete_reply_is_not_overwritten(layout: MailboxLayout, outbox: Outbox) -> None:
    assert outbox.publish("one", b'{"first": 1}\n')
    assert not outbox.publish("one", b'{"second": 2}\n')
    assert (layout.outbox / "one.json").read_bytes() == b'{"first": 1}\n'


def test_a_link_at_the_path_of_a_new_file_is_not_written_through(
    layout: MailboxLayout, outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda _: "known")
    (tmp_path / "theirs").write_bytes(b"theirs")
    (layout.outbox / ".one.json.known.tmp").symlink_to(tmp_path / "theirs")
    with pytest.raises(StorageFailed):
        outbox.publish("one", b"{}\n")
    assert (tmp_path / "theirs").read_bytes() == b"theirs"


def test_a_failed_write_leaves_nothing_behind(
    layout: MailboxLayout, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(StorageFailed, match="No space left"):
            outbox.publish("one", b"{}\n")
    assert list(layout.outbox.iterdir()) == []


def test_without_syncfs_all_file_systems_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        file_system.sync_file_system(descriptor)
        monkeypatch.setattr(file_system, "_syncfs", lambda: None)
        monkeypatch.setattr(os, "sync", lambda: steps.append("all"))
        file_system.sync_file_system(descriptor)
    finally:
        os.close(descriptor)
    assert steps == ["all"]
    monkeypatch.undo()
    with pytest.raises(OSError, match="Bad file descriptor"):
        file_system.sync_file_system(descriptor)
