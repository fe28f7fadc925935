"""A mission's log as the record has it: what its entries say, folded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

from specify_cli.storage.record_entries import PLANNED, REDACTION, RESTORED, WITHDRAWN, Entry
from specify_cli.storage.record_proof import has_mark

Line = TypeVar("Line")

_WITHOUT_LINES: Final = {PLANNED, REDACTION, RESTORED}


class LogEntry(NamedTuple):
    """What an entry says of its mission's log."""

    position: int
    kind: str
    place: int | None
    log: bytes
    salt: bytes = b""


class KeptLog:
    """The lines of the log, each with its newline, and those that do not count any more.

    `position` is that of the newest entry that is in them, `salts` has those of lines that read as redacted.
    """

    __slots__ = ("lines", "position", "salts", "withdrawn")

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.withdrawn: set[bytes] = set()
        self.position = 0
        self.salts: dict[bytes, bytes] = {}

    def counting(self, lines: Sequence[Line], line_of: Callable[[Line], bytes]) -> list[Line]:
        """Those that were not withdrawn, in whatever form they, or the events in them, are written."""
        if not self.withdrawn:
            return [*lines]
        gone = self.withdrawn_events()
        said = ((it, line_of(it)) for it in lines)
        return [
            it for it, line in said if line not in self.withdrawn and _event_id(line) not in gone
        ]

    def withdrawn_events(self) -> set[str]:
        """The ids of the events that do not count any more."""
        return {it for it in map(_event_id, self.withdrawn) if it is not None}

    def fold(self, entries: Iterable[LogEntry]) -> bool:
        """The entries count, too; they are all behind `position`. Whether text of those before was redacted."""
        is_redacted = False
        for entry in entries:
            if entry.kind == REDACTION:
                is_redacted, self.position = True, entry.position
                continue
            place = len(self.lines) if entry.place is None else entry.place
            if entry.kind == WITHDRAWN:
                self.withdrawn.update(self.lines[place:])
                del self.lines[place:]
            elif new := lines_in(entry):
                self.lines[place:place] = new
                if self.withdrawn:
                    self.withdrawn.difference_update(new)
                if b"[redacted sha256:" in entry.log:
                    self.salts.update((it, entry.salt) for it in new if has_mark(it))
            self.position = entry.position
        return is_redacted

    def copy(self) -> KeptLog:
        """The same, apart from what is folded later."""
        copied = KeptLog()
        copied.lines, copied.withdrawn = [*self.lines], {*self.withdrawn}
        copied.position, copied.salts = self.position, {**self.salts}
        return copied


def _event_id(line: bytes) -> str | None:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    found = said.get("event_id") if isinstance(said, dict) else None
    return found if isinstance(found, str) and found else None


def lines_of(data: bytes) -> list[bytes]:
    """Whole lines, with their newlines; nothing else ends a line."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]]


def lines_in(entry: LogEntry | Entry) -> list[bytes]:
    """The lines that the entry brings to its mission's log."""
    return [] if entry.kind in _WITHOUT_LINES else lines_of(entry.log)
