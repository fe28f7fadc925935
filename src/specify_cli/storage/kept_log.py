"""A mission's log as the record has it: what its entries say, folded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from specify_cli.storage.event_lines import json_object
from specify_cli.storage.record_entries import WITHDRAWN, Entry


@dataclass(slots=True)
class KeptLog:
    """The lines of the log, each with its newline, and those that do not count any more.

    `position` is that of the newest entry that is in them.
    """

    lines: list[bytes] = field(default_factory=list)
    withdrawn: set[bytes] = field(default_factory=set)
    position: int = 0

    def is_withdrawn(self, line: bytes) -> bool:
        """Whether that line, or the event in it, does not count any more, in whatever form it is written."""
        if line in self.withdrawn or not self.withdrawn:
            return line in self.withdrawn
        event_id = _event_id(line)
        return event_id is not None and event_id in self.withdrawn_events()

    def withdrawn_events(self) -> set[str]:
        """The ids of the events that do not count any more."""
        return {it for it in map(_event_id, self.withdrawn) if it is not None}

    def fold(self, entries: Iterable[Entry]) -> None:
        """The entries count, too; they are all behind `position`."""
        for entry in entries:
            place = len(self.lines) if entry.place is None else entry.place
            if entry.kind == WITHDRAWN:
                self.withdrawn.update(self.lines[place:])
                del self.lines[place:]
            else:
                new = lines_of(entry.log)
                self.lines[place:place] = new
                self.withdrawn.difference_update(new)
            self.position = entry.position

    def copy(self) -> KeptLog:
        """The same, apart from what is folded later."""
        return KeptLog([*self.lines], {*self.withdrawn}, self.position)


def _event_id(line: bytes) -> str | None:
    found = (json_object(line) or {}).get("event_id")
    return found if isinstance(found, str) and found else None


def lines_of(data: bytes) -> list[bytes]:
    """Whole lines, with their newlines; nothing else ends a line."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]]
