"""Recovery after a worker was killed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from specify_cli.mailbox.layout import MailboxLayout
from tests.dead_letters import read_records
from tests.unit.mailbox.recording import (
    RecordingDispatcher,
    codes,
    put,
    reply_of,
    request_bytes,
    write_late,
)

Drain = Callable[[], None]


def test_a_claim_of_an_earlier_worker_is_answered_first(
    layout: MailboxLayout, drain: Drain, dispatcher: RecordingDispatcher
) -> None:
    put(layout, "new")
    claim = layout.claimed / "01JD8Z6W3M4Y6T1F8B2Q5R7X9N-old.json"
    claim.write_bytes(request_bytes("old"))
    drain()
    assert dispatcher.effects.read_text().split() == ["old", "new"]
    assert reply_of(layout, "old")["success"]


def test_a_claim_that_stayed_hidden_in_the_inbox_is_answered(
    layout: MailboxLayout, drain: Drain
) -> None:
    claim = layout.inbox / ".claim-01JD8Z6W3M4Y6T1F8B2Q5R7X9N-far.json"
    claim.write_bytes(request_bytes("far"))
    drain()
    assert reply_of(layout, "far")["success"]
    assert not claim.exists()


def test_a_dead_letter_that_stayed_hidden_in_the_inbox_is_completed(
    layout: MailboxLayout, drain: Drain
) -> None:
    record = {"dead_letter": "LETTER", "name": "a b", "why": "bad name", "envelope": None}
    (layout.dead_letters / "LETTER.pending").write_text(json.dumps(record))
    hidden = layout.inbox / ".claim-LETTER.body"
    os.mkfifo(hidden)
    drain()
    (completed,) = read_records(layout.dead_letters)
    assert completed["body"] == str(hidden)
    assert hidden.is_fifo()


def test_a_torn_claim_of_an_earlier_worker_is_judged_by_its_age(
    layout: MailboxLayout, drain: Drain
) -> None:
    write_late(layout.claimed / "01JD8Z6W3M4Y6T1F8B2Q5R7X9N-torn.json", b'{"half')
    drain()
    assert reply_of(layout, "torn")["error_code"] == "REQUEST_MALFORMED"


def test_half_written_replies_of_a_killed_worker_are_swept(
    layout: MailboxLayout, drain: Drain
) -> None:
    leftover = layout.outbox / ".one.json.0123456789abcdef.tmp"
    leftover.write_bytes(b"{")
    drain()
    assert not leftover.exists()


def test_an_interrupted_dead_letter_is_completed(
    layout: MailboxLayout, drain: Drain, dispatcher: RecordingDispatcher
) -> None:
    record = {"dead_letter": "LETTER", "name": "a b", "why": "bad name", "envelope": None}
    (layout.dead_letters / "LETTER.pending").write_text(json.dumps(record))
    (layout.dead_letters / "LETTER.body").write_bytes(b"?")
    (layout.dead_letters / "NOTHING.pending").write_text(json.dumps(record))
    drain()
    assert {path.name for path in layout.dead_letters.iterdir()} == {"LETTER.json", "LETTER.body"}
    assert codes(dispatcher) == ["REQUEST_MALFORMED"]
