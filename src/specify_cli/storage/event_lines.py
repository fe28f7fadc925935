"""The lines of a mission's log: how events are written, and how lines of any version are read."""

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
    """One whole line of a log: its event if it holds one of ours, or what is wrong with it."""

    number: int
    record: dict[str, Any]
    events: tuple[Event, ...] = ()
    fault: StateUnreadable | None = None


def examine(raw: bytes, path: Path) -> Iterator[ExaminedLine]:
    """Every whole line of a log, damaged ones too, where `read` stops at the first of those."""
    for number, line in enumerate(raw[: end_of_lines(raw)].splitlines(), start=1):
        record: dict[str, Any] = {}
        try:
            record = _record(line, path, number)
            events = tuple(_events_of(record, path, number))
            yield ExaminedLine(number=number, record=record, events=events)
        except StateUnreadable as fault:
            yield ExaminedLine(number=number, record=record, fault=fault)


def encode(events: Sequence[Event], *, mission_slug: str) -> bytes:
    """The lines of one append; several are marked as a batch, so that none counts without the rest."""
    lines = []
    for position, event in enumerate(events, start=1):
        batch = {"batch": [position, len(events)]} if len(events) > 1 else {}
        line = _to_json(event, mission_slug) | batch
        lines.append(compact(line) + "\n")
    return "".join(lines).encode("ascii")


def ids_in(lines: bytes) -> list[str]:
    """The ids of encoded events."""
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
    """What a log with these bytes holds; an interrupted append at its end counts as not written.

    Raises:
        StateUnreadable: a line before the end is damaged; names file and line.
    """
    end = end_of_lines(raw)
    found = parse_lines(enumerate(raw[:end].splitlines(keepends=True), start=1), path)
    return found._replace(torn=found.torn + raw[end:])


def parse_lines(
    lines: Iterable[tuple[int, bytes]], path: Path, *, numbers: list[int] | None = None
) -> LogContent:
    """What the lines hold, each with its number in the file `path`, for complaints.

    `numbers` gets the number of the line of each event.

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
        # A line of another version may have a field of that name that means something else.
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
    """Where the last whole line ends: a last line without a newline is whole if it can be read."""
    end = raw.rfind(b"\n") + 1
    return end if json_object(raw[end:]) is None else len(raw)


def _record(line: bytes, path: Path, number: int) -> dict[str, Any]:
    """The line as an object; an empty object for a blank line."""
    if not line.strip():
        return {}
    record = json_object(line)
    if record is None:
        raise damaged(path, number, "it is not a JSON object")
    return record


def batch_of(record: dict[str, Any]) -> tuple[int, int]:
    """Where the line stands among those of its append, and how many they are."""
    match record.get("batch"):
        case [int(position), int(size)]:
            return position, size
        case _:
            return 1, 1


class ReadLine(bytes):
    """A line and the JSON object in it, so that it is parsed once."""

    said: dict[str, Any]

    @classmethod
    def of(cls, line: bytes, said: dict[str, Any]) -> ReadLine:
        """The line, which says that; nobody changes it."""
        made = cls(line)
        made.said = said
        return made


def json_object(line: bytes) -> dict[str, Any] | None:
    """What the line says; None where it is not a JSON object."""
    if isinstance(line, ReadLine):
        return line.said
    try:
        # A brace and no zero behind it is UTF-8, and need not be guessed.
        is_utf_8 = line[:1] == b"{" and line[1:2] != b"\0"
        said = _decode(line.decode("utf-8", "surrogatepass")) if is_utf_8 else json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


_decode = json.JSONDecoder().decode


def _events_of(record: dict[str, Any], path: Path, number: int) -> list[Event]:
    """The event on a line; none for the lines of other versions, which are read past and kept."""
    try:
        event = event_in(record)
    except NotReadable as error:
        raise damaged(path, number, str(error)) from error
    return [] if event is None else [event]


def damaged(path: Path, number: int, complaint: str) -> StateUnreadable:
    """The refusal of a log with such a line."""
    return StateUnreadable(
        f"{path}, line {number}: {complaint}; restore the line from git or correct it by hand",
        file=str(path),
        line=number,
    )


def not_json(path: Path, number: int) -> StateUnreadable:
    """The refusal of a log into which somebody wrote what is not an event, as git does with its marks of a conflict."""
    return StateUnreadable(
        f"{path}, line {number}: it is not a JSON object; take it out, or run 'spec-kitty doctor --fix', which puts the"
        " file right",
        file=str(path),
        line=number,
    )


def changed(path: Path, number: int) -> StateUnreadable:
    """The refusal of a log in which somebody changed a line of the host."""
    return StateUnreadable(
        f"{path}, line {number}: it is not what the host wrote; undo the edit, or run 'spec-kitty"
        " doctor --fix', which puts the line back",
        file=str(path),
        line=number,
    )
