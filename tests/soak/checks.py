"""What must be true at the end, whatever happened before."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specify_cli.storage.layout import Layout
from tests.integration.stage import Stage
from tests.soak.ledger import Asked, Ledger
from tests.soak.people import fsck

# The codes that may answer each kind, besides those of a failed disk and a full inbox.
CODES = {
    "foreign": {"NOT_AUTHORIZED"},
    "garbage": {"REQUEST_MALFORMED"},
    "large": {"REQUEST_TOO_LARGE"},
    "expired": {"REQUEST_EXPIRED"},
}
FAULT = "STORAGE_FAILED"
NEVER = "HOST_ERROR"
# Refused before it is read: beyond the limits, too large, or of another user.
UNREAD = {FAULT, "REQUEST_TOO_LARGE", "NOT_AUTHORIZED"}


@dataclass(kw_only=True)
class Books:
    """The journal, the logs of the missions and the ledgers, side by side."""

    stage: Stage
    ledgers: list[Ledger]
    people: dict[str, dict[str, Any]]
    lines: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    letters: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def kitty(self) -> Path:
        """The layout of the mailbox."""
        return self.stage.root / ".kitty"

    def open(self) -> Books:
        """Read the journal, logs and dead letters."""
        found = defaultdict(list)
        for path in sorted((self.kitty / "outbox").glob("journal*.jsonl")):
            for text in path.read_text().splitlines():
                line = json.loads(text)
                who = line["identity"] if line["door"] == "mailbox" else ""
                found[who, line["correlation_id"]].append(line)
        self.lines = dict(found)
        for log in sorted((self.stage.root / "kitty-specs").glob("*/status.events.jsonl")):
            self.events += [json.loads(text) for text in log.read_text().splitlines()]
        for path in (Layout(self.kitty.parent).host / "dead-letters").rglob("*.json"):
            letter = json.loads(path.read_bytes())
            self.letters[letter["identity"], letter["name"]] += 1
        return self

    def problems(self) -> list[str]:
        """Descriptions of all broken promises."""
        return [
            *self.answers(),
            *self.strangers(),
            *self.people_and_journal(),
            *self.effects(),
            *self.remains(),
            *self.proofs(),
        ]

    def answers(self) -> Iterator[str]:
        """Every request that was written has exactly one answer, the one in the journal."""
        for ledger in self.ledgers:
            for asked in ledger.asked.values():
                yield from self.answer(asked)
            yield from (f"{name}: was not answered in time" for name in ledger.overdue)

    def answer(self, asked: Asked) -> Iterator[str]:
        """Problems of the answer to the requests of one id."""
        where = f"{asked.identity}/{asked.correlation_id} ({', '.join(asked.kinds)})"
        lines = self.lines.get((asked.identity, asked.correlation_id), [])
        answers = [line for line in lines if not is_for_another(line)]
        if len(answers) != 1:
            yield f"{where}: {len(answers)} answers in the journal"
            return
        yield from self.reply(asked, where, answers[0]["envelope"])
        others = 0 if was_never_read(answers[0]) else asked.others
        for what, count in (
            ("lines of the journal", len(lines) - len(answers)),
            ("dead letters", self.letters[asked.identity, f"{asked.correlation_id}.json"]),
        ):
            if count != others:
                yield f"{where}: {count} {what} for {others} other requests"

    def reply(self, asked: Asked, where: str, envelope: dict[str, Any]) -> Iterator[str]:
        """Problems of the reply or its content."""
        path = self.kitty / "outbox" / asked.identity / f"{asked.correlation_id}.json"
        if not path.exists():
            yield f"{where}: no reply"
        elif json.loads(path.read_bytes()) != envelope:
            yield f"{where}: the reply is not what the journal tells of"
        code = envelope["error_code"]
        allowed = CODES.get(asked.kind)
        if code == NEVER or (allowed is not None and code not in {*allowed, FAULT}):
            yield f"{where}: answered {code}: {envelope['data'].get('message')}"

    def strangers(self) -> Iterator[str]:
        """Answers to requests that nobody wrote."""
        known = {(led.identity, name) for led in self.ledgers for name in led.asked}
        known |= {("", name) for name in self.people}
        for who, name in self.lines.keys() - known:
            yield f"{who}/{name}: in the journal, though nobody asked"

    def people_and_journal(self) -> Iterator[str]:
        """The answers of the command line are those in the journal."""
        for name, envelope in self.people.items():
            recorded = [line["envelope"] for line in self.lines.get(("", name), [])]
            # After a disk failure, the journal may lack the line.
            if recorded != [envelope] and envelope["error_code"] != FAULT:
                yield f"{name}: {len(recorded)} lines in the journal, or others than {envelope}"

    def effects(self) -> Iterator[str]:
        """Each event is in one log once and was caused by a request, and each success had its effect."""
        lines = [line for lines in self.lines.values() for line in lines]
        told = Counter(name for line in lines for name in line["event_ids"])
        found = Counter(event["event_id"] for event in self.events)
        yield from (f"event {name}: {n} times in the logs" for name, n in found.items() if n != 1)
        for name in found.keys() ^ told.keys():
            yield f"event {name}: {found[name]} in the logs, {told[name]} in the journal"
        notes = Counter(event.get("delta", {}).get("note") for event in self.events)
        for (who, name), answered in self.lines.items():
            wanted = sum(is_a_note_taken(line) for line in answered)
            if notes[name] != wanted:
                yield f"{who}/{name}: noted {notes[name]} times, {wanted} were answered for"

    def remains(self) -> Iterator[str]:
        """No request waits, none is half done, and no temporary file is left."""
        for place in (self.kitty / "inbox", Layout(self.kitty.parent).host / "claimed"):
            yield from (f"{path}: is left" for path in place.rglob("*") if path.is_file())
        for place in (self.kitty, self.stage.root / "kitty-specs"):
            yield from (f"{path}: is left" for path in place.rglob("*.tmp"))

    def proofs(self) -> Iterator[str]:
        """Problems that the host and git find."""
        verified = self.stage.run("mailbox", "verify")
        if verified.exit_code != 0:
            yield f"verify: {verified.stdout.decode()}{verified.stderr.decode()}"
        yield from (f"git fsck: {line}" for line in fsck(self.stage))


def is_for_another(line: dict[str, Any]) -> bool:
    """Whether the line is about a request that reused an id."""
    code: str | None = line["envelope"]["error_code"]
    return code == "CORRELATION_ID_CONFLICT"


def was_never_read(line: dict[str, Any]) -> bool:
    """Whether the request was never read, so that any other with its id is taken for the same."""
    return line["args"] is None and line["envelope"]["error_code"] in UNREAD


def is_a_note_taken(line: dict[str, Any]) -> bool:
    """Whether the line is about an added note."""
    envelope: dict[str, Any] = line["envelope"]
    is_note = str(envelope["command"]).endswith(".append-history")
    return is_note and envelope["success"] is True
