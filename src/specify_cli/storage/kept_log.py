"""A mission's log as the record has it: what its entries say, folded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from specify_cli.storage.record_entries import PLANNED, WITHDRAWN, Entry


class LogEntry(NamedTuple):
    """What an entry says of its mission's log."""

    position: int
    kind: str
    place: int | None
    log: bytes


@dataclass(slots=True)
class KeptLog:
    """The lines of the log, each with its newline, and those that do not count any more.

    `position` is that of the newest entry that is in them.
    """

    lines: list[bytes] = field(default_factory=list)
    withdrawn: set[bytes] = field(default_factory=set)
    position: int = 0

    def fold(self, entries: Iterable[LogEntry]) -> None:
        """The entries count, too; they are all behind `position`."""
        for entry in entries:
            place = len(self.lines) if entry.place is None else entry.place
            if entry.kind == WITHDRAWN:
                self.withdrawn.update(self.lines[place:])
                del self.lines[place:]
            elif new := lines_in(entry):
                self.lines[place:place] = new
                if self.withdrawn:
                    self.withdrawn.difference_update(new)
            self.position = entry.position

    def copy(self) -> KeptLog:
        """The same, apart from what is folded later."""
        return KeptLog([*self.lines], {*self.withdrawn}, self.position)


def lines_of(data: bytes) -> list[bytes]:
    """Whole lines, with their newlines; nothing else ends a line."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]]


def lines_in(entry: LogEntry | Entry) -> list[bytes]:
    """The lines that the entry brings to its mission's log."""
    return [] if entry.kind == PLANNED else lines_of(entry.log)
