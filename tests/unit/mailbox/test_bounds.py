"""Limits on waiting requests and on hidden claims for each orchestrator."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from specify_cli.mailbox import intake
from specify_cli.mailbox.inbox import Inbox
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.settings import Orchestrator
from specify_cli.mailbox.worker import Worker
from tests.unit.mailbox.recording import (
    CLAIM_ID,
    DEFAULT,
    NIGHTLY,
    RELEASE,
    RecordingDispatcher,
    put,
    put_in_order,
    reply_of,
    request_bytes,
    wait_until,
)

ROOM = len(request_bytes("id-0"))

MakeWorker = Callable[..., Worker]
Serving = Callable[..., None]


@pytest.mark.parametrize(
    ("bound", "bounded"),
    [
        ("max_waiting", dataclasses.replace(DEFAULT, max_waiting=3)),
        ("max_waiting_bytes", dataclasses.replace(DEFAULT, max_waiting_bytes=3 * ROOM + 1)),
    ],
)
def test_requests_beyond_the_limits_are_refused_and_can_be_repeated(
    layout: MailboxLayout, worker: MakeWorker, bound: str, bounded: Orchestrator
) -> None:
    names = [f"id-{number}" for number in range(6)]
    for name in names:
        put(layout, name)
    put(layout, "other", "nightly")
    worker(bounded, NIGHTLY).drain()
    codes = [reply_of(layout, name)["error_code"] for name in names]
    assert codes == [None, None, None, *["STORAGE_FAILED"] * 3]
    refused = reply_of(layout, "id-5")["data"]
    assert refused["retryable"] is True
    assert bound in refused["message"]
    assert reply_of(layout, "other", "nightly")["success"]


def test_a_repeated_request_beyond_the_limits_gets_the_same_answer(
    layout: MailboxLayout, worker: MakeWorker, dispatcher: RecordingDispatcher
) -> None:
    put(layout, "again", n=1)
    worker(DEFAULT).drain()
    first = reply_of(layout, "again")
    put_in_order(layout, "one", "again", n=1)
    worker(dataclasses.replace(DEFAULT, max_waiting=1)).drain()
    assert reply_of(layout, "again") == first
    assert reply_of(layout, "one")["success"]
    assert list(layout.dead_letters.iterdir()) == []
    put_in_order(layout, "two", "again", n=2)
    worker(dataclasses.replace(DEFAULT, max_waiting=1)).drain()
    assert reply_of(layout, "again") == first
    assert len(list(layout.dead_letters.glob("*.body"))) == 1


def test_hidden_claims_in_the_inbox_are_limited_like_waiting_requests(
    layout: MailboxLayout, worker: MakeWorker
) -> None:
    for number in range(6):
        planted = layout.inbox / f".claim-01JD8Z6W3M4Y6T1F8B2Q5R7X9{number}-id-{number}.json"
        planted.write_bytes(request_bytes(f"id-{number}"))
    worker(dataclasses.replace(DEFAULT, max_waiting=3)).drain()
    codes = [reply_of(layout, f"id-{number}")["error_code"] for number in range(6)]
    assert codes == [None, None, None, *["STORAGE_FAILED"] * 3]


def test_half_written_requests_count_as_waiting(layout: MailboxLayout, serving: Serving) -> None:
    for number in range(2):
        (layout.inbox / f"slow-{number}.json").write_bytes(b'{"half')
    serving(dataclasses.replace(DEFAULT, max_waiting=2))
    wait_until(lambda: len(list(layout.claimed.iterdir())) == 2)
    put(layout, "one")
    wait_until((layout.outbox / "one.json").exists)
    assert reply_of(layout, "one")["error_code"] == "STORAGE_FAILED"


def test_any_number_of_half_written_requests_is_waited_for(
    layout: MailboxLayout, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One turn reads as many.
    monkeypatch.setattr(intake, "MOST_HALF_WRITTEN", 2)
    with ExitStack() as writers:
        files = []
        for number in range(5):
            stem = f"slow-{number}"
            file = writers.enter_context((layout.inbox / f"{stem}.json").open("wb", buffering=0))
            file.write(request_bytes(stem)[:20])
            files.append(file)
        serving(DEFAULT)
        wait_until(lambda: len(list(layout.claimed.iterdir())) == 5)
        for number, file in enumerate(files):
            file.write(request_bytes(f"slow-{number}")[20:])
    for number in range(5):
        wait_until((layout.outbox / f"slow-{number}.json").exists)
        assert reply_of(layout, f"slow-{number}")["success"]


def test_a_request_that_grew_after_the_listing_counts_with_its_new_size(
    layout: MailboxLayout, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Inbox.landed
    monkeypatch.setattr(
        Inbox,
        "landed",
        lambda inbox, limit: [one._replace(size=0) for one in listed(inbox, limit)],
    )
    started, release = layout.root / "started", layout.root / RELEASE
    put(layout, "first", mission="A", started=str(started), wait_for=str(release))
    bound = 6 * ROOM
    serving(dataclasses.replace(DEFAULT, max_waiting_bytes=bound), NIGHTLY)
    wait_until(started.exists)
    for number in range(20):
        put(layout, f"id-{number:02}", mission="A")
    put(layout, "later", "nightly")
    wait_until((layout.paths("nightly").outbox / "later.json").exists)
    pending = [path.stat().st_size for path in layout.claimed.glob("*.read")]
    assert sum(pending) < bound + max(pending)
    release.touch()


def test_claims_that_grew_after_the_listing_count_with_their_new_size(
    layout: MailboxLayout, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Inbox.claims
    monkeypatch.setattr(
        Inbox, "claims", lambda inbox: [dataclasses.replace(one, size=0) for one in listed(inbox)]
    )
    started, release = layout.root / "started", layout.root / RELEASE
    waits = {"started": str(started), "wait_for": str(release)}
    for number in range(20):
        claim = layout.claimed / f"{CLAIM_ID[:-2]}{number:02}-id-{number:02}.json"
        claim.write_bytes(
            request_bytes(f"id-{number:02}", mission="A", **(waits if not number else {}))
        )
    put(layout, "later", "nightly")
    bound = 6 * ROOM
    serving(dataclasses.replace(DEFAULT, max_waiting_bytes=bound), NIGHTLY)
    wait_until(started.exists)
    wait_until((layout.paths("nightly").outbox / "later.json").exists)
    pending = [path.stat().st_size for path in layout.claimed.glob("*.read")]
    assert sum(pending) < bound + max(pending)
    release.touch()
    wait_until((layout.outbox / "id-19.json").exists)


def test_a_sparse_file_counts_as_no_more_than_is_read_of_it(
    layout: MailboxLayout, worker: MakeWorker
) -> None:
    with (layout.inbox / "big.json").open("wb") as file:
        file.truncate(10 * 1024**3)
    put(layout, "one")
    worker(dataclasses.replace(DEFAULT, max_waiting_bytes=8192)).drain()
    assert reply_of(layout, "big")["error_code"] == "REQUEST_TOO_LARGE"
    assert reply_of(layout, "one")["success"]
