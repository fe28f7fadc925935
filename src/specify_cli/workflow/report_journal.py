"""The rows of a report's journal.

They come from the published lines, which have neither notes, prompts and reviews, nor what was
redacted. Of an answer, only the outcome is taken.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from specify_cli import clock, ids
from specify_cli.core.events import moment_of
from specify_cli.storage import published_line
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record

MOST_TEXT: Final = 2_000
"""The most characters of a field; the rest is left out."""

_DAMAGED: Final = (ValueError, RecursionError, AttributeError, KeyError, TypeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """A request and its outcome; `code` is None if it succeeded.

    The request waited `waited_ms` for the host, which then took `duration_ms`; None where that is not recorded.
    """

    seq: int
    at: str
    caller: str
    actor: str
    command: str
    mission: str
    wp: str
    from_lane: str
    to_lane: str
    code: str | None
    message: str
    waited_ms: float | None
    duration_ms: float | None
    correlation_id: str
    args: str
    policy: str
    event_ids: list[str]
    commits: list[str]
    dead_letter: str


def rows(
    project: Layout,
    record: Record | None,
    *,
    since: datetime | None,
    folder_of: Callable[[str], str],
) -> Iterator[JournalRow | None]:
    """Yield the row of each published line after that time, oldest first; None for a damaged line.

    `folder_of` returns the folder of the mission that a request names.

    Without a record, the lines come from the published files.

    Raises:
        StorageFailed: the disk fails.
        StateUnreadable: the record is damaged.
    """
    for line in _lines(project, record, since):
        try:
            known = published_line.parse(line) if isinstance(line, bytes) else line
            row = _row(known, folder_of)
        except _DAMAGED:
            yield None
            continue
        at = moment_of(row.at)
        if since is None or at is None or at >= since:
            yield row


def _lines(
    project: Layout, record: Record | None, since: datetime | None
) -> Iterator[bytes | dict[str, Any]]:
    if record is None:
        yield from JournalFiles(project.journal).lines()
        return
    first = record.first_since(clock.as_text(since)) if since else 1
    # A line is committed after its request came.
    if first:
        yield from (line for _, line in record.published(after=first - 1))


def _row(line: Mapping[str, Any], folder_of: Callable[[str], str]) -> JournalRow:
    envelope = line["envelope"]
    data, args = envelope["data"], line.get("args") or {}
    code = envelope["error_code"]
    mission = _text(data.get("mission_slug")) or folder_of(_text(args.get("mission")))
    has_moved = code is None and "from_lane" in data
    return JournalRow(
        seq=line["seq"],
        at=_text(line["at"]),
        caller=_text(line["identity"]) if line["door"] == ids.MAILBOX else "cli",
        actor=_text(line.get("actor")),
        command=_text(line["command"]).partition(".")[2],
        mission=mission,
        wp=_text(args.get("wp")),
        from_lane=_text(data["from_lane"]) if has_moved else "",
        to_lane=_text(data.get("to_lane") if has_moved else args.get("to")),
        code=None if code is None else _text(code),
        message="" if code is None else _text(data.get("message")),
        waited_ms=_duration(line.get("received_at"), line["at"]),
        duration_ms=_duration(line["at"], envelope.get("timestamp")),
        correlation_id=line["correlation_id"],
        args=_text(args or None),
        policy=_text(line.get("policy")),
        event_ids=[_text(it) for it in line.get("event_ids") or ()],
        commits=[_text(it) for it in line.get("commits") or ()],
        dead_letter=_text(line.get("dead_letter")),
    )


def _text(value: object) -> str:
    """Return the value as bounded text; a line of another program has values of any shape."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}... ({len(text)} characters)"


def _duration(start: object, end: object) -> float | None:
    began, ended = moment_of(start), moment_of(end)
    if began is None or ended is None or ended < began:
        return None
    return round((ended - began) / timedelta(milliseconds=1), 3)
