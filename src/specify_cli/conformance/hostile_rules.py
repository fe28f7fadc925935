"""What a mailbox does with files that are no requests: each has its code or is set aside."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from specify_cli.conformance.checks import Rules
from specify_cli.conformance.findings import demand
from specify_cli.conformance.journal_chain import breaks
from specify_cli.conformance.mailbox_under_test import NOWHERE, Mailbox, body
from specify_cli.conformance.requests import fresh_id

RULES = Rules("mailbox", frozenset({"mailbox"}), [])
REQUEST = "mailbox.md, A request"
PROMISES = "mailbox.md, What the host promises"
JOURNAL = "mailbox.md, The journal"
DEPTH = 50_000
MIB = 1024 * 1024

Content = Callable[[str], bytes]


def _with_args(text: str) -> Content:
    """A request whose `args` are the text, as it stands."""
    return lambda stem: body(stem).replace(b'"args": {}', f'"args": {text}'.encode())


# Name to the code that it is answered with, what is asked, and which section says so.
CODES: dict[str, tuple[str, Content, str]] = {
    "malformed": ("REQUEST_MALFORMED", lambda _: b"this is not JSON\n", PROMISES),
    "empty": ("REQUEST_MALFORMED", lambda _: b"", PROMISES),
    "no-object": ("REQUEST_MALFORMED", lambda _: b"[]\n", REQUEST),
    "two-objects": ("REQUEST_MALFORMED", lambda stem: body(stem) + body(stem), REQUEST),
    "byte-order-mark": ("REQUEST_MALFORMED", lambda stem: b"\xef\xbb\xbf" + body(stem), REQUEST),
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
    "unknown-key": ("USAGE_ERROR", lambda stem: body(stem, colour="red"), REQUEST),
    "missing-key": (
        "USAGE_ERROR",
        lambda stem: body(stem).replace(b'"args": {}', b'"policy": null'),
        REQUEST,
    ),
    "other-id-inside": ("USAGE_ERROR", lambda _: body(fresh_id()), REQUEST),
    "unknown-command": ("USAGE_ERROR", lambda stem: body(stem, "paint-mission"), REQUEST),
    "unknown-argument": ("USAGE_ERROR", lambda stem: body(stem, args={"colour": 1}), REQUEST),
    "wrong-version": (
        "CONTRACT_VERSION_MISMATCH",
        lambda stem: body(stem, contract_version="2.0.0"),
        REQUEST,
    ),
    "later-minor": (
        "CONTRACT_VERSION_MISMATCH",
        lambda stem: body(stem, contract_version="1.999.0"),
        REQUEST,
    ),
    "expired": (
        "REQUEST_EXPIRED",
        lambda stem: body(stem, not_after="2001-01-01T00:00:00Z"),
        REQUEST,
    ),
}
CODES["no-utf-8"] = (
    "REQUEST_MALFORMED",
    lambda stem: _with_args('{"mission": "x"}')(stem).replace(b'"x"', b'"\xff"'),
    REQUEST,
)


def answered_with(code: str, content: Content, box: Mailbox) -> None:
    """What is no proper request is answered with its code, and the next one is served."""
    stem = fresh_id()
    answer = box.answer(content(stem), stem)
    demand(answer["error_code"] == code, f"error_code {answer['error_code']}, expected {code}")
    box.probe()


for name, (code, content, section) in CODES.items():
    RULES.add(
        name,
        partial(answered_with, code, content),
        meaning=f"{name.replace('-', ' ').capitalize()}: answered with {code}, others are served",
        section=section,
    )


def _symlink(path: Path, target: Path) -> None:
    path.symlink_to(target)


def _hard_link(path: Path, target: Path) -> None:
    os.link(target, path)


def _fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path, _: Path) -> None:
    path.mkdir()


KINDS: dict[str, Callable[[Path, Path], None]] = {
    "symlink": _symlink,
    "hard-link": _hard_link,
    "fifo": _fifo,
    "folder": _folder,
}


def set_aside(plant: Callable[[Path, Path], None], box: Mailbox) -> None:
    """What is no plain file is not read, not answered and not left in the way."""
    stem = fresh_id()
    target = box.inbox / f".{fresh_id()}.tmp"
    target.write_bytes(body(stem))
    try:
        plant(box.inbox / f"{stem}.json", target)
        box.probe()
        box.wait_until_taken(f"{stem}.json")
        # Replies need not appear in the order of their requests, only all within a round.
        box.probe()
        demand(not os.path.lexists(box.reply_path(stem)), "it was read and answered")
        demand(target.read_bytes() == body(stem), "what it points at has changed")
    finally:
        target.unlink(missing_ok=True)


for name, plant in KINDS.items():
    RULES.add(
        f"{name}-set-aside",
        partial(set_aside, plant),
        meaning=f"A {name.replace('-', ' ')} that poses as a request is set aside, others are served",
        section=PROMISES,
        requires=("file-kinds",),
    )


@RULES.rule("names-set-aside", section=PROMISES)
def names_set_aside(box: Mailbox) -> None:
    """A name that no reply can have is set aside, and others are served."""
    for name in (f"{fresh_id()} .json", f"{fresh_id()}-é.json", fresh_id(), f"{'x' * 140}.json"):
        (box.inbox / name).write_bytes(body(fresh_id()))
        box.wait_until_taken(name)
    box.probe()


@RULES.rule("reserved-name", section=REQUEST)
def reserved_name(box: Mailbox) -> None:
    """A request called worker.json is set aside, and does not take the heartbeat's place."""
    box.put("worker", body("worker"))
    box.wait_until_taken("worker.json")
    box.probe()
    path = box.outbox / "worker.json"
    demand(not path.exists() or b'"success"' not in path.read_bytes(), "worker.json is a reply")


@RULES.rule("dead-letter-line", section=JOURNAL, requires=("journal",))
def dead_letter_line(box: Mailbox) -> None:
    """What is set aside has a line in the journal, whose dead_letter says where."""
    before = len(box.journal())
    name = f"{fresh_id()} dead.json"
    (box.inbox / name).write_bytes(b"{}")
    box.wait_until_taken(name)
    box.probe()
    found = [line for line in box.journal()[before:] if line.get("dead_letter")]
    demand(len(found) == 1, f"{len(found)} lines have a dead_letter, expected one")


@RULES.rule("conflict-line", section=PROMISES, requires=("journal",))
def conflict_line(box: Mailbox) -> None:
    """Another request under an id that was used is CORRELATION_ID_CONFLICT in the journal."""
    stem = fresh_id()
    box.answer(body(stem), stem)
    box.put(stem, body(stem, "list-ready", args={"mission": NOWHERE}))
    box.wait_until_taken(f"{stem}.json")
    box.wait_for_queue(NOWHERE)
    codes = [line["envelope"]["error_code"] for line in box.lines_for(stem)]
    demand("CORRELATION_ID_CONFLICT" in codes, f"its lines have the error codes {codes}")


@RULES.rule("journal-line", section=JOURNAL, requires=("journal",))
def journal_line(box: Mailbox) -> None:
    """Each answered request has one line, with the whole answer; a repeated one has no second."""
    stem = fresh_id()
    for _ in range(2):
        box.answer(body(stem), stem)
        box.wait_until_taken(f"{stem}.json")
        box.probe()
    found = box.lines_for(stem)
    demand(len(found) == 1, f"{len(found)} lines, expected one")
    demand(found[0]["envelope"] == box.envelope(stem), "the line has another answer than the reply")


@RULES.rule("journal-before-reply", section=JOURNAL, requires=("journal",))
def journal_before_reply(box: Mailbox) -> None:
    """A line is in the journal before the reply appears."""
    for _ in range(5):
        stem = fresh_id()
        box.put(stem, body(stem))
        box.reply(stem)
        demand(box.lines_for(stem), "there is a reply, and no line yet")


@RULES.rule("journal-chain", section=JOURNAL, requires=("journal",))
def journal_chain(box: Mailbox) -> None:
    """The journal's lines are numbered without gaps and chained, each as its schema says."""
    for _ in range(3):
        box.probe()
    # Of a line that is being written while it is looked at nobody was told.
    broken = list(breaks(box.outbox))
    demand(not broken, "; ".join(broken[:3]))
