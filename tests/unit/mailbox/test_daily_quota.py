"""An orchestrator is taken so much of a day; the rest is refused, and told when more is taken."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from specify_cli import clock
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.settings import Orchestrator
from specify_cli.mailbox.worker import Worker
from tests.unit.mailbox.recording import SETTINGS, put, reply_of, request_bytes, wait_until

MakeWorker = Callable[..., Worker]

DEFAULT = SETTINGS.orchestrators[0]
NIGHTLY = Orchestrator(identity="nightly", commands=("note", "read"))
THREE = dataclasses.replace(NIGHTLY, max_daily_requests=3)
SIZE = len(request_bytes("id-0"))


def codes(layout: MailboxLayout, *names: str) -> list[str | None]:
    return [reply_of(layout, name, "nightly")["error_code"] for name in names]


@pytest.mark.parametrize(
    ("bound", "bounded"),
    [
        ("max_daily_requests", THREE),
        ("max_daily_bytes", dataclasses.replace(NIGHTLY, max_daily_bytes=3 * SIZE)),
    ],
)
def test_what_comes_past_the_quota_of_a_day_is_refused_until_midnight(
    layout: MailboxLayout, worker: MakeWorker, bound: str, bounded: Orchestrator
) -> None:
    names = [f"id-{number}" for number in range(5)]
    for name in names:
        put(layout, name, "nightly")
    put(layout, "other")
    worker(DEFAULT, bounded).drain()
    assert codes(layout, *names) == [None, None, None, "STORAGE_FAILED", "STORAGE_FAILED"]
    data = reply_of(layout, "id-4", "nightly")["data"]
    assert data["retryable"] is True
    assert bound in data["message"]
    ends = datetime.fromisoformat(data["takes_more_at"])
    assert timedelta(0) < ends - clock.now() <= timedelta(days=1)
    assert ends.isoformat() in data["message"]
    assert (ends.hour, ends.minute, ends.second) == (0, 0, 0)
    assert reply_of(layout, "other")["success"]


def test_the_next_worker_goes_on_counting(layout: MailboxLayout, worker: MakeWorker) -> None:
    for name in ("a", "b"):
        put(layout, name, "nightly")
    worker(DEFAULT, THREE).drain()
    for name in ("c", "d"):
        put(layout, name, "nightly")
    worker(DEFAULT, THREE).drain()
    assert codes(layout, "a", "b", "c", "d") == [None, None, None, "STORAGE_FAILED"]


def test_who_removes_his_folder_begins_no_new_day(
    layout: MailboxLayout, serving: Callable[..., None]
) -> None:
    serving(DEFAULT, THREE)
    for name in ("a", "b", "c"):
        put(layout, name, "nightly")
        wait_until((layout.outbox / "nightly" / f"{name}.json").exists)
    shutil.rmtree(layout.inbox / "nightly")
    (layout.inbox / "nightly").mkdir(exist_ok=True)
    put(layout, "d", "nightly")
    wait_until((layout.outbox / "nightly" / "d.json").exists)
    assert codes(layout, "d") == ["STORAGE_FAILED"]


def test_what_was_answered_before_the_quota_was_used_up_is_answered_alike(
    layout: MailboxLayout, worker: MakeWorker
) -> None:
    put(layout, "a", "nightly", n=1)
    one = dataclasses.replace(NIGHTLY, max_daily_requests=1)
    worker(DEFAULT, one).drain()
    first = reply_of(layout, "a", "nightly")
    put(layout, "a", "nightly", n=1)
    worker(DEFAULT, one).drain()
    assert reply_of(layout, "a", "nightly") == first
    assert first["success"]
