"""The head of a record: kept elsewhere, it shows later whether an earlier entry was changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from specify_cli.storage.record import Record
from specify_cli.storage.record_proof import NOTHING_BEFORE

TRAILER: Final = "Spec-Kitty-Record"
"""The name of the trailer `<record id> <position> <head>` in a commit's message."""

_TEXT: Final = re.compile(r"([0-9A-HJKMNP-TV-Z]{26}):([0-9]{1,15}):([0-9a-f]{64})", re.ASCII)

_LINE: Final = re.compile(
    rf"^{TRAILER}: ([0-9A-HJKMNP-TV-Z]{{26}}) ([0-9]{{1,15}}) ([0-9a-f]{{64}})$",
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

    def as_trailer(self) -> str:
        """Return the trailer for a commit's message."""
        return f"{TRAILER}: {self.record_id} {self.position} {self.head}"

    @classmethod
    def read(cls, text: str) -> RecordHead | None:
        """Parse the text of a head; None for any other text."""
        found = _TEXT.fullmatch(text)
        return cls(found[1], int(found[2]), found[3]) if found else None

    @classmethod
    def in_message(cls, message: str) -> RecordHead | None:
        """Parse the trailer in a commit's message; None if it has none."""
        found = _LINE.search(message)
        return cls(found[1], int(found[2]), found[3]) if found else None


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
        return f"this is another record, {record.id}: of another clone, or made again; nothing is proved"
    last = record.last()
    end = last.position if last else 0
    if end < expected.position:
        return f"it ends at entry {end}: it is older than what is expected, restored from a backup perhaps"
    # A pruned entry had the head of the one before it.
    entry = record.entry_at(expected.position)
    if (entry.head if entry else NOTHING_BEFORE).hex() != expected.head:
        return f"entry {expected.position}, or one before it, is not what it was"
    return ""
