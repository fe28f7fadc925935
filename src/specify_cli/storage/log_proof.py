"""Read the log of a mission piece by piece, with bounded memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import IO, Final

from specify_cli import progress
from specify_cli.core.events import Event
from specify_cli.errors import SpecKittyError
from specify_cli.storage import event_lines, folded_content, project_files, record_missions, records
from specify_cli.storage.log_content import LogContent
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import PLANNED, REDACTION, RESTORED, WITHDRAWN
from specify_cli.storage.record_lines import LogEntry, lines_of
from specify_cli.storage.recorded_log import RecordedLog

_AT_ONCE: Final = 500
_BUFFER_BYTES: Final = 1024 * 1024


def is_as_recorded(log: RecordedLog) -> bool:
    """Whether the file has the lines of the record byte for byte; False if that takes a full comparison.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    found = _mission(log)
    if found is None:
        return False
    record, number = found
    with (
        suppress(OSError, SpecKittyError),
        project_files.opened(log.path, below=log.project.root) as file,
    ):
        data: IO[bytes] = io.BufferedReader(file, _BUFFER_BYTES)
        return _has_lines(data, record.log_entries(number)) and not data.read(1)
    return False


def events(log: RecordedLog) -> Iterator[Event]:
    """Yield the events of a log that `is_as_recorded`.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    found = _mission(log)
    if found is None:
        return
    record, number = found
    entries = (it for it in record.log_entries(number) if it.kind not in (PLANNED, RESTORED))
    counted, lines = progress.counted(entries, "reading logs"), 0
    while some := [*islice(counted, _AT_ONCE)]:
        new = [line for entry in some for line in lines_of(entry.log)]
        yield from event_lines.parse_lines(enumerate(new, start=lines + 1), log.path).events
        lines += len(new)


def folded(log: RecordedLog) -> LogContent | None:
    """Return the folded content of a log that `is_as_recorded`; events are read on demand.

    Returns:
        None if the record has no folded states of it.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    found = _mission(log)
    if found is None:
        return None
    record, number = found
    kept = folded_content.content_as_folded(record, number, log.path)
    if kept is None or kept[0] != record.position_of(number):
        return None
    plan = next(it.plan for it in record.known() if it.number == number)
    return kept[1]._replace(plan=plan)


def _mission(log: RecordedLog) -> tuple[Record, int] | None:
    record = records.found(log.project)
    if record is None:
        return None
    known = record_missions.found_at_once(record, log.slug, log.id_of(log.slug))
    return None if known is None or known.number is None else (record, known.number)


def _has_lines(data: IO[bytes], entries: Iterator[LogEntry]) -> bool:
    """Whether the lines of the entries come next in the file, each entry after the ones before it."""
    lines = 0
    for entry in progress.counted(entries, "comparing logs"):
        if entry.kind in (PLANNED, RESTORED):
            continue
        is_next = entry.kind not in (REDACTION, WITHDRAWN) and entry.place in (None, lines)
        if not is_next or entry.log[-1:] != b"\n" or data.read(len(entry.log)) != entry.log:
            return False
        lines += entry.log.count(b"\n")
    return lines > 0
