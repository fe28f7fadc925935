"""The lines of a mission's log: encode events, and parse lines of every version."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from specify_cli.core.events import UNRECORDED, Annotated, Event, Transitioned
from specify_cli.errors import StateUnreadable
from specify_cli.plain import compact
from specify_cli.storage.event_fields import NotReadable, event_in
from specify_cli.storage.log_content import LogContent


class ExaminedLine(NamedTuple):
    """One whole line of a log: its event if it has one, or what is wrong with it."""

    number: int
    record: dict[str, Any]
    events: tuple[Event, ...] = ()
    fault: StateUnreadable | None = None


def examine(raw: bytes, path: Path) -> Iterator[ExaminedLine]:
    """Yield every whole line of a log, damaged ones included; `parse` stops at the first."""
    for number, line in enumerate(raw[: end_of_lines(raw)].splitlines(), start=1):
        record: dict[str, Any] = {}
        try:
            record = _record(line, path, number)
            events = tuple(_events_of(record, path, number))
            yield ExaminedLine(number=number, record=record, events=events)
        except StateUnreadable as fault:
            yield ExaminedLine(number=number, record=record, fault=fault)


def encode(events: Sequence[Event], *, mission_slug: str) -> bytes:
    """Return the lines of one append; several are marked as a batch, so that an incomplete one does
    not count.
    """
    lines = []
    for position, event in enumerate(events, start=1):
        batch = {"batch": [position, len(events)]} if len(events) > 1 else {}
        line = _to_json(event, mission_slug) | batch
        lines.append(compact(line) + "\n")
    return "".join(lines).encode("ascii")


def ids_in(lines: bytes) -> list[str]:
    """Return the ids of encoded events."""
    return [json.loads(line)["event_id"] for line in lines.splitlines()]


def _to_json(event: Event, mission_slug: str) -> dict[str, Any]:
    head = {"event_id": event.event_id, "at": event.at, "actor": event.actor}
    line = head | {"mission_slug": mission_slug} | event._asdict()
    if isinstance(event, Transitioned):
        line |= {"execution_mode": "worktree"}
    elif isinstance(event, Annotated):
        line |= {"kind": "annotation"}
    else:
        line |= {"kind": "mission_accepted", "mode": "auto"}
    for optional in ("review_result", "lane_base_ref", "identity", "released_holder"):
        if line.get(optional, "") is None:
            del line[optional]
    if line.get("commit") == UNRECORDED:
        del line["commit"]
    return line


def parse(raw: bytes, path: Path) -> LogContent:
    """Return the content of a log; an interrupted append at its end does not count.

    Raises:
        StateUnreadable: an earlier line is damaged; names file and line.
    """
    end = end_of_lines(raw)
    found = parse_lines(enumerate(raw[:end].splitlines(keepends=True), start=1), path)
    return found._replace(torn=found.torn + raw[end:])


def parse_lines(
    lines: Iterable[tuple[int, bytes]], path: Path, *, numbers: list[int] | None = None
) -> LogContent:
    """Return the content of lines, each with its number in the file `path` for errors.

    Append the number of each event's line to `numbers`.

    Raises:
        StateUnreadable: a line is damaged; names file and line.
    """
    events: list[Event] = []
    pending: list[tuple[int, Event]] = []
    sound, behind = 0, list[bytes]()
    for number, line in lines:
        behind.append(line)
        record = _record(line, path, number)
        found = _events_of(record, path, number)
        # Other versions may use a field of that name for something else.
        position, size = batch_of(record) if found else (1, 1)
        if position == 1:
            pending.clear()
        pending.extend((number, event) for event in found)
        if position == size:
            events.extend(event for _, event in pending)
            if numbers is not None:
                numbers.extend(of for of, _ in pending)
            pending.clear()
            sound += len(behind)
            behind.clear()
    return LogContent(events=tuple(events), sound_lines=sound, torn=b"".join(behind))


def end_of_lines(raw: bytes) -> int:
    """Return the end of the last whole line: one without a newline is whole if it can be parsed."""
    end = raw.rfind(b"\n") + 1
    return end if json_object(raw[end:]) is None else len(raw)


def _record(line: bytes, path: Path, number: int) -> dict[str, Any]:
    """Return the line as an object; an empty one for a blank line."""
    if not line.strip():
        return {}
    record = json_object(line)
    if record is None:
        raise damaged(path, number, "it is not a JSON object")
    return record


def batch_of(record: dict[str, Any]) -> tuple[int, int]:
    """Return the line's place in its append, and the size of the append."""
    match record.get("batch"):
        case [int(position), int(size)]:
            return position, size
        case _:
            return 1, 1


class ReadLine(bytes):
    """A line with its JSON object, so that it is parsed once."""

    said: dict[str, Any]

    @classmethod
    def of(cls, line: bytes, said: dict[str, Any]) -> ReadLine:
        """Return the line with its parsed content."""
        made = cls(line)
        made.said = said
        return made


def json_object(line: bytes) -> dict[str, Any] | None:
    """Return the JSON object of the line; None if it is not one."""
    if isinstance(line, ReadLine):
        return line.said
    try:
        # A brace that no zero byte follows is UTF-8: the encoding need not be detected.
        is_utf_8 = line[:1] == b"{" and line[1:2] != b"\0"
        said = _decode(line.decode("utf-8", "surrogatepass")) if is_utf_8 else json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


_decode = json.JSONDecoder().decode


def _events_of(record: dict[str, Any], path: Path, number: int) -> list[Event]:
    """Return the event of a line; none for a line of another version, which is kept unread."""
    try:
        event = event_in(record)
    except NotReadable as error:
        raise damaged(path, number, str(error)) from error
    return [] if event is None else [event]


def damaged(path: Path, number: int, complaint: str) -> StateUnreadable:
    """Return the error for a log with a damaged line."""
    advice = "restore the line from git or correct it by hand"
    return StateUnreadable.in_line(path, number, f"{complaint}; {advice}")


def not_json(path: Path, number: int) -> StateUnreadable:
    """Return the error for a line that is not JSON, such as a conflict marker of git."""
    complaint = "it is not a JSON object"
    advice = "remove it, or run 'spec-kitty doctor --fix', which repairs the file"
    return StateUnreadable.in_line(path, number, f"{complaint}; {advice}")


def changed(path: Path, number: int) -> StateUnreadable:
    """Return the error for a line of the host that was changed."""
    complaint = "it is not what the host wrote"
    advice = "undo the edit, or run 'spec-kitty doctor --fix', which puts the line back"
    return StateUnreadable.in_line(path, number, f"{complaint}; {advice}")
