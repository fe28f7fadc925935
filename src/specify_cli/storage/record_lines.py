"""A mission's log folded from the entries of the record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

from specify_cli.storage.record_entries import PLANNED, REDACTION, RESTORED, WITHDRAWN, Entry
from specify_cli.storage.record_proof import has_mark

Line = TypeVar("Line")

_WITHOUT_LINES: Final = {PLANNED, REDACTION, RESTORED}


class LogEntry(NamedTuple):
    """The part of an entry that concerns its mission's log."""

    position: int
    kind: str
    place: int | None
    log: bytes
    salt: bytes = b""


class RecordLines:
    """The lines of the log, each with its newline, and the withdrawn ones.

    `position` is that of the newest folded entry; `salts` has the salts of lines with marks of
    redaction.
    """

    __slots__ = ("lines", "position", "salts", "withdrawn")

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.withdrawn: set[bytes] = set()
        self.position = 0
        self.salts: dict[bytes, bytes] = {}

    def counting(self, lines: Sequence[Line], line_of: Callable[[Line], bytes]) -> list[Line]:
        """Return the lines that are not withdrawn, compared by bytes and by event id."""
        if not self.withdrawn:
            return [*lines]
        gone = self.withdrawn_events()
        said = ((it, line_of(it)) for it in lines)
        return [
            it for it, line in said if line not in self.withdrawn and _event_id(line) not in gone
        ]

    def withdrawn_events(self) -> set[str]:
        """Return the ids of withdrawn events."""
        return {it for it in map(_event_id, self.withdrawn) if it is not None}

    def fold(self, entries: Iterable[LogEntry]) -> bool:
        """Fold entries after `position`; return whether one of them redacts earlier text."""
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

    def copy(self) -> RecordLines:
        """Return a copy that later folds do not change."""
        copied = RecordLines()
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
    """Split at newlines only; each line keeps its newline."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]]


def lines_in(entry: LogEntry | Entry) -> list[bytes]:
    """Return the lines that the entry adds to its mission's log."""
    return [] if entry.kind in _WITHOUT_LINES else lines_of(entry.log)
