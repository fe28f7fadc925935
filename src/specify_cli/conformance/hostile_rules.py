"""Rules for invalid files in an inbox: refused with an error code, or moved to dead letters."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from specify_cli.conformance.checks import RuleSet
from specify_cli.conformance.findings import demand
from specify_cli.conformance.journal_chain import chain_errors
from specify_cli.conformance.mailbox_under_test import UNKNOWN_MISSION, Mailbox, request_body
from specify_cli.conformance.requests import fresh_id

RULES = RuleSet("mailbox", frozenset({"mailbox"}), [])
REQUEST = "mailbox.md, A request"
PROMISES = "mailbox.md, What the host promises"
JOURNAL = "mailbox.md, The journal"
DEPTH = 50_000
MIB = 1024 * 1024

Content = Callable[[str], bytes]


def _with_args(text: str) -> Content:
    """Return a request with this JSON text as its `args`."""
    return lambda stem: request_body(stem).replace(b'"args": {}', f'"args": {text}'.encode())


# Name: expected error code, content of the request file, section of the contract.
CODES: dict[str, tuple[str, Content, str]] = {
    "malformed": ("REQUEST_MALFORMED", lambda _: b"this is not JSON\n", PROMISES),
    "empty": ("REQUEST_MALFORMED", lambda _: b"", PROMISES),
    "no-object": ("REQUEST_MALFORMED", lambda _: b"[]\n", REQUEST),
    "two-objects": (
        "REQUEST_MALFORMED",
        lambda stem: request_body(stem) + request_body(stem),
        REQUEST,
    ),
    "byte-order-mark": (
        "REQUEST_MALFORMED",
        lambda stem: b"\xef\xbb\xbf" + request_body(stem),
        REQUEST,
    ),
    "no-utf-8": ("REQUEST_MALFORMED", _with_args('{"mission": "x"}'), REQUEST),
    "repeated-key": ("REQUEST_MALFORMED", _with_args('{"a": 1, "a": 1}'), REQUEST),
    "not-a-number": ("REQUEST_MALFORMED", _with_args('{"a": NaN}'), REQUEST),
    "infinity": ("REQUEST_MALFORMED", _with_args('{"a": -Infinity}'), REQUEST),
    "deep-nesting": (
        "REQUEST_MALFORMED",
        _with_args('{"a": ' + "[" * DEPTH + "]" * DEPTH + "}"),
        "errors.json, REQUEST_MALFORMED",
    ),
    "too-large": ("REQUEST_TOO_LARGE", lambda _: b" " * MIB, PROMISES),
    "unknown-key": ("USAGE_ERROR", lambda stem: request_body(stem, colour="red"), REQUEST),
    "missing-key": (
        "USAGE_ERROR",
        lambda stem: request_body(stem).replace(b'"args": {}', b'"policy": null'),
        REQUEST,
    ),
    "other-id-inside": ("USAGE_ERROR", lambda _: request_body(fresh_id()), REQUEST),
    "unknown-command": ("USAGE_ERROR", lambda stem: request_body(stem, "paint-mission"), REQUEST),
    "unknown-argument": (
        "USAGE_ERROR",
        lambda stem: request_body(stem, args={"colour": 1}),
        REQUEST,
    ),
    "wrong-version": (
        "CONTRACT_VERSION_MISMATCH",
        lambda stem: request_body(stem, contract_version="2.0.0"),
        REQUEST,
    ),
    "later-minor": (
        "CONTRACT_VERSION_MISMATCH",
        lambda stem: request_body(stem, contract_version="1.999.0"),
        REQUEST,
    ),
    "expired": (
        "REQUEST_EXPIRED",
        lambda stem: request_body(stem, not_after="2001-01-01T00:00:00Z"),
        REQUEST,
    ),
}
CODES["no-utf-8"] = (
    "REQUEST_MALFORMED",
    lambda stem: _with_args('{"mission": "x"}')(stem).replace(b'"x"', b'"\xff"'),
    REQUEST,
)


def answered_with(code: str, content: Content, mailbox: Mailbox) -> None:
    """An invalid request is answered with its error code, and the next request is served."""
    stem = fresh_id()
    answer = mailbox.answer(content(stem), stem)
    demand(answer["error_code"] == code, f"error_code {answer['error_code']}, expected {code}")
    mailbox.probe()


for name, (code, content, section) in CODES.items():
    RULES.add(
        name,
        partial(answered_with, code, content),
        meaning=f"{name.replace('-', ' ').capitalize()}: refused with {code}; other requests are served",
        section=section,
    )


# Kind of entry: how to create one at a path, given the path of a valid request.
KINDS: dict[str, Callable[[Path, Path], None]] = {
    "symlink": lambda path, target: path.symlink_to(target),
    "hard-link": lambda path, target: path.hardlink_to(target),
    "fifo": lambda path, _: os.mkfifo(path),
    "folder": lambda path, _: path.mkdir(),
}


def set_aside(plant: Callable[[Path, Path], None], mailbox: Mailbox) -> None:
    """An entry that is not a regular file is moved away without being read or answered."""
    stem = fresh_id()
    target = mailbox.inbox / f".{fresh_id()}.tmp"
    target.write_bytes(request_body(stem))
    try:
        plant(mailbox.inbox / f"{stem}.json", target)
        mailbox.probe()
        mailbox.wait_until_taken(f"{stem}.json")
        # Replies may appear in any order within one scan of the inbox.
        mailbox.probe()
        demand(not os.path.lexists(mailbox.reply_path(stem)), "it was read and answered")
        demand(target.read_bytes() == request_body(stem), "the file that it points to has changed")
    finally:
        target.unlink(missing_ok=True)


for name, plant in KINDS.items():
    RULES.add(
        f"{name}-set-aside",
        partial(set_aside, plant),
        meaning=f"A {name.replace('-', ' ')} named like a request is set aside; other requests are served",
        section=PROMISES,
        requires=("file-kinds",),
    )


@RULES.rule("names-set-aside", section=PROMISES)
def names_set_aside(mailbox: Mailbox) -> None:
    """A file whose name is not a valid request name is set aside; other requests are served."""
    for name in (f"{fresh_id()} .json", f"{fresh_id()}-é.json", fresh_id(), f"{'x' * 140}.json"):
        (mailbox.inbox / name).write_bytes(request_body(fresh_id()))
        mailbox.wait_until_taken(name)
    mailbox.probe()


@RULES.rule("reserved-name", section=REQUEST)
def reserved_name(mailbox: Mailbox) -> None:
    """A request named worker.json is set aside and does not replace the heartbeat."""
    mailbox.put("worker", request_body("worker"))
    mailbox.wait_until_taken("worker.json")
    mailbox.probe()
    path = mailbox.outbox / "worker.json"
    demand(not path.exists() or b'"success"' not in path.read_bytes(), "worker.json is a reply")


@RULES.rule("dead-letter-line", section=JOURNAL, requires=("journal",))
def dead_letter_line(mailbox: Mailbox) -> None:
    """A file that is set aside has a line in the journal with its dead_letter id."""
    before = len(mailbox.journal())
    name = f"{fresh_id()} dead.json"
    (mailbox.inbox / name).write_bytes(b"{}")
    mailbox.wait_until_taken(name)
    mailbox.probe()
    found = [line for line in mailbox.journal()[before:] if line.get("dead_letter")]
    demand(len(found) == 1, f"{len(found)} lines have a dead_letter, expected one")


@RULES.rule("conflict-line", section=PROMISES, requires=("journal",))
def conflict_line(mailbox: Mailbox) -> None:
    """A different request with a used id has a journal line with CORRELATION_ID_CONFLICT."""
    stem = fresh_id()
    mailbox.answer(request_body(stem), stem)
    mailbox.put(stem, request_body(stem, "list-ready", args={"mission": UNKNOWN_MISSION}))
    mailbox.wait_until_taken(f"{stem}.json")
    mailbox.wait_for_queue(UNKNOWN_MISSION)
    codes = [line["envelope"]["error_code"] for line in mailbox.lines_for(stem)]
    demand("CORRELATION_ID_CONFLICT" in codes, f"its lines have the error codes {codes}")


@RULES.rule("journal-line", section=JOURNAL, requires=("journal",))
def journal_line(mailbox: Mailbox) -> None:
    """Each answered request has one journal line with the whole envelope, also if it is repeated."""
    stem = fresh_id()
    for _ in range(2):
        mailbox.answer(request_body(stem), stem)
        mailbox.wait_until_taken(f"{stem}.json")
        mailbox.probe()
    found = mailbox.lines_for(stem)
    demand(len(found) == 1, f"{len(found)} lines, expected one")
    demand(
        found[0]["envelope"] == mailbox.envelope(stem),
        "the envelope in the line differs from the reply",
    )


@RULES.rule("journal-before-reply", section=JOURNAL, requires=("journal",))
def journal_before_reply(mailbox: Mailbox) -> None:
    """The journal line is written before the reply appears."""
    for _ in range(5):
        stem = fresh_id()
        mailbox.put(stem, request_body(stem))
        mailbox.reply(stem)
        demand(mailbox.lines_for(stem), "the reply appeared before the journal line")


@RULES.rule("journal-chain", section=JOURNAL, requires=("journal",))
def journal_chain(mailbox: Mailbox) -> None:
    """The lines of the journal are numbered without gaps, chained, and match their schema."""
    for _ in range(3):
        mailbox.probe()
    broken = list(chain_errors(mailbox.outbox))
    demand(not broken, "; ".join(broken[:3]))
