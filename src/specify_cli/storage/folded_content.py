"""A mission's log from its folded states in the record; events are read on demand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import overload

from specify_cli import processes
from specify_cli.core.events import Event
from specify_cli.core.state import MissionState
from specify_cli.errors import SpecKittyError
from specify_cli.files.stamps import FileStamp
from specify_cli.storage import event_lines, record_states
from specify_cli.storage.log_content import Cause, EarlierEvents, FoldedLog, LogContent
from specify_cli.storage.record import Record
from specify_cli.storage.record_folds import FoldedRow


def stored_content(
    record: Record, mission: int, path: Path, *, stamp: FileStamp
) -> tuple[int, LogContent] | None:
    """Return the position and content of the log; None if the file may have other lines.

    Raises:
        StateUnreadable, StorageFailed: as `Record.find`.
    """
    note = _file_note(stamp)
    return content_as_folded(record, mission, path, file=note) if note is not None else None


def content_as_folded(
    record: Record, mission: int, path: Path, *, file: str | None = None
) -> tuple[int, LogContent] | None:
    """Return the position and content of the folded log.

    Returns:
        None if the log is not folded, or the note names another `file`.

    Raises:
        StateUnreadable, StorageFailed: as `Record.find`.
    """
    with record.at_one_moment() as connection:
        row = record_states.row_of(connection, mission)
        if row is None or (file is not None and row.file != file):
            return None
        try:
            state = record_states.state_of(connection, mission, row)
        except (ValueError, TypeError):
            return None
    log = FoldedLog(earlier=_StoredEvents(record, mission, row, state=state, path=path))
    return row.position, LogContent(events=log.events, sound_lines=row.lines, folded=log)


def note_file(record: Record, mission: int, stamp: FileStamp, *, position: int) -> None:
    """Note that the file with that stamp has the lines up to that position."""
    note = _file_note(stamp)
    if note is None:
        return
    # Without the note, the file is read and compared.
    with suppress(SpecKittyError), record.noting() as connection:
        record_states.keep_file(connection, mission, position=position, file=note)


def _file_note(stamp: FileStamp) -> str | None:
    """Return the note for a stamp: it includes the boot id, because a power loss may change content
    and keep the stamp.
    """
    boot = processes.this_process().boot
    return json.dumps([boot, *stamp]) if boot else None


class _StoredEvents(EarlierEvents):
    """The events up to an entry, read from the record on demand."""

    def __init__(
        self, record: Record, mission: int, row: FoldedRow, *, state: MissionState, path: Path
    ) -> None:
        self.state = state
        self._record, self._mission, self._row, self._path = record, mission, row, path
        self._read: Sequence[Event] | None = None

    @property
    def held(self) -> int:  # type: ignore[override]
        """The number of events in memory."""
        return len(self._read or ())

    def __len__(self) -> int:
        return self._row.events

    def __iter__(self) -> Iterator[Event]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        return self._all()[index]

    def caused_by(self, cause: Cause) -> Sequence[Event]:
        """Return the events of a request, oldest first."""
        with self._record.at_one_moment() as connection:
            row = record_states.row_of(connection, self._mission)
            # Inserted or withdrawn lines have changed the places.
            is_same = row is not None and row.since <= self._row.position
            until = self._row.position
            found = record_states.positions_of(connection, self._mission, cause, until=until)
            events = record_states.events_at(connection, {*found})
        if not is_same:
            return tuple(it for it in self if (it.correlation_id, it.identity) == cause)
        own = {
            position: (it for it in these if (it.correlation_id, it.identity) == cause)
            for position, these in events.items()
        }
        return tuple(next(own[position]) for position in found)

    def _all(self) -> Sequence[Event]:
        if self._read is None:
            lines = enumerate(self._record.log_until(self._mission, self._row.position), start=1)
            self._read = event_lines.parse_lines(lines, self._path).events
        return self._read
