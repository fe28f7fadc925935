"""The head of a record: kept elsewhere, it shows later whether an earlier entry was changed."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from specify_cli.storage.record import Record
from specify_cli.storage.record_proof import NOTHING_BEFORE

TRAILER: Final = "Spec-Kitty-Record"
"""The name of the trailer `<record id> <position> <head> <seal>` in a commit's message."""

_TEXT: Final = re.compile(r"([0-9A-HJKMNP-TV-Z]{26}):([0-9]{1,15}):([0-9a-f]{64})", re.ASCII)

_LINE: Final = re.compile(
    rf"^{TRAILER}: ([0-9A-HJKMNP-TV-Z]{{26}}) ([0-9]{{1,15}}) ([0-9a-f]{{64}}) ([0-9a-f]{{32}})$",
    re.ASCII | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class RecordHead:
    """The id of a record, the position of an entry, and the head after it in hex.

    As text: `<record id>:<position>:<head>`.
    """

    record_id: str
    position: int
    head: str

    def __str__(self) -> str:
        return f"{self.record_id}:{self.position}:{self.head}"

    @classmethod
    def read(cls, text: str) -> RecordHead | None:
        """Parse the text of a head; None for any other text."""
        found = _TEXT.fullmatch(text)
        return cls(found[1], int(found[2]), found[3]) if found else None


def trailer(record: Record, head: RecordHead) -> str:
    """Return the trailer for a commit's message.

    Raises:
        StateUnreadable: the record is damaged.
        StorageFailed: the disk refused.
    """
    seal = _seal(record.seal_key, head)
    return f"{TRAILER}: {head.record_id} {head.position} {head.head} {seal}"


def in_message(message: str, seal_key: bytes = b"") -> Iterator[tuple[RecordHead, bool]]:
    """Yield each head in a commit's message, and whether the holder of the key sealed it.

    Anyone can write such a line, including an agent whose commits are replayed on the target.
    """
    for found in _LINE.finditer(message):
        head = RecordHead(found[1], int(found[2]), found[3])
        yield head, hmac.compare_digest(_seal(seal_key, head), found[4])


def _seal(key: bytes, head: RecordHead) -> str:
    return hmac.digest(key, str(head).encode(), "sha256").hex()[:32]


def newest(record: Record) -> RecordHead | None:
    """Return the head after the newest entry; None if there is none.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    entry = record.last()
    return RecordHead(record.id, entry.position, entry.head.hex()) if entry else None


def difference(record: Record, expected: RecordHead) -> str:
    """Describe why the record does not continue the expected head; empty if it does.

    Only the entry at that position is compared; `Record.faults` proves the earlier ones.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    if record.id != expected.record_id:
        return f"this is another record, {record.id}: of another clone or project, or created again; it cannot be compared"
    last = record.last()
    end = last.position if last else 0
    if end < expected.position:
        return f"the record ends at entry {end}, before the expected one; it may have been replaced by an older copy"
    # A pruned entry had the head of the one before it.
    entry = record.entry_at(expected.position)
    if (entry.head if entry else NOTHING_BEFORE).hex() != expected.head:
        return f"entry {expected.position}, or one before it, is not what it was: the record was changed, or is a copy that was continued elsewhere"
    return ""
