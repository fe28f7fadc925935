"""Daily quotas: later requests are refused, and the refusal says when more are taken."""

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


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no day ends in a test."""
    now = clock.now
    until_noon = now().replace(hour=12) - now()
    monkeypatch.setattr(clock, "now", lambda: now() + until_noon)


def codes(layout: MailboxLayout, *names: str) -> list[str | None]:
    return [reply_of(layout, name, "nightly")["error_code"] for name in names]


@pytest.mark.parametrize(
    ("bound", "bounded"),
    [
        ("max_daily_requests", THREE),
        ("max_daily_bytes", dataclasses.replace(NIGHTLY, max_daily_bytes=3 * SIZE)),
    ],
)
def test_requests_beyond_the_daily_quota_are_refused_until_midnight(
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


def test_the_next_worker_continues_the_count(layout: MailboxLayout, worker: MakeWorker) -> None:
    for name in ("a", "b"):
        put(layout, name, "nightly")
    worker(DEFAULT, THREE).drain()
    for name in ("c", "d"):
        put(layout, name, "nightly")
    worker(DEFAULT, THREE).drain()
    assert codes(layout, "a", "b", "c", "d") == [None, None, None, "STORAGE_FAILED"]


def test_removing_the_folder_does_not_reset_the_quota(
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


def test_a_repeated_request_gets_the_same_answer_after_the_quota_is_used_up(
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
