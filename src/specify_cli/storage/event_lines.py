"""The lines of a mission's log: how events are written, and how lines of any version are read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from specify_cli.core.events import UNRECORDED, Annotated, Event, MissionAccepted, Moved
from specify_cli.core.lanes import lane_named
from specify_cli.errors import StateUnreadable
from specify_cli.plain import as_json
from specify_cli.storage.log_content import LogContent

GENESIS = "genesis"
# Where another version wrote an object for the actor, or nothing.
ACTOR_NAMES = ("tool", "profile", "role")
NOBODY = "unknown"
OBJECT_NAME = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedLine:
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
        lines.append(json.dumps(line, separators=(",", ":")) + "\n")
    return "".join(lines).encode("ascii")


def ids_in(lines: bytes) -> list[str]:
    """The ids of encoded events."""
    return [json.loads(line)["event_id"] for line in lines.splitlines()]


def _to_json(event: Event, mission_slug: str) -> dict[str, Any]:
    head = {"event_id": event.event_id, "at": event.at, "actor": event.actor}
    line = head | {"mission_slug": mission_slug} | as_json(event)
    if isinstance(event, Moved):
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
    return replace(found, torn=found.torn + raw[end:])


def parse_lines(lines: Iterable[tuple[int, bytes]], path: Path) -> LogContent:
    """What the lines hold, each with its number in the file `path`, for complaints.

    Raises:
        StateUnreadable: a line is damaged; names file and line.
    """
    events: list[Event] = []
    pending: list[Event] = []
    sound, behind = 0, list[bytes]()
    for number, line in lines:
        behind.append(line)
        record = _record(line, path, number)
        found = _events_of(record, path, number)
        # A line of another version may have a field of that name that means something else.
        position, size = batch_of(record) if found else (1, 1)
        if position == 1:
            pending.clear()
        pending.extend(found)
        if position == size:
            events.extend(pending)
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


def json_object(line: bytes) -> dict[str, Any] | None:
    """What the line says; None where it is not a JSON object."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _events_of(record: dict[str, Any], path: Path, number: int) -> list[Event]:
    """The event on a line; none for the lines of other versions, which are read past and kept."""
    kind = _kind_of(record)
    # Of a note on no package nothing is to be known, nor of one without words.
    if kind is None or (kind is Annotated and not _is_note(record)):
        return []
    try:
        return [_adapter(kind.__name__).validate_python(_readable(record))]
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise damaged(path, number, f"{field}: {first['msg']}") from error


def _is_note(record: dict[str, Any]) -> bool:
    return isinstance(record.get("wp_id"), str) and isinstance(record.get("delta"), dict)


def _readable(record: dict[str, Any]) -> dict[str, Any]:
    """The record with every field that decides no lane as an event has it, whatever others wrote.

    The line itself stays as it is. What cannot be read as such a field counts as absent.
    """
    lenient: dict[str, Any] = {
        "event_id": _text(record.get("event_id")) or "",
        "at": record["at"] if isinstance(record.get("at"), str) else "",
        "actor": _actor(record.get("actor")),
        "force": record.get("force") is True,
    }
    for name in ("reason", "review_ref"):
        lenient[name] = _text(record.get(name))
    for name in ("review_result", "evidence", "policy_metadata"):
        value = record.get(name)
        lenient[name] = value if isinstance(value, dict) else None
    # Others may mean something else by these words.
    for name in (
        "correlation_id",
        "identity",
        "request_digest",
        "lane_base_ref",
        "released_holder",
    ):
        value = record.get(name)
        lenient[name] = value if isinstance(value, str) else None
    if "commit" in record:
        lenient["commit"] = _commit(record["commit"])
    return record | lenient


def _commit(value: Any) -> str | None:
    """The name of a commit, or the null that says that there was none; all else counts as absent."""
    is_name = isinstance(value, str) and OBJECT_NAME.fullmatch(value)
    return value if value is None or is_name else UNRECORDED


def _text(value: Any) -> str | None:
    """A structured value as its JSON text."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _actor(value: Any) -> str:
    """Who acted; of a structured actor the first of its names."""
    if isinstance(value, dict):
        names = (value.get(name) for name in ACTOR_NAMES)
        value = next((name for name in names if isinstance(name, str) and name), None)
    return NOBODY if value is None else _text(value) or ""


def _kind_of(record: dict[str, Any]) -> type[Event] | None:
    kind = _KINDS.get(str(record.get("kind")))
    if kind is not None or "to_lane" not in record or "event_type" in record:
        return kind
    if record.get("from_lane") == GENESIS:
        return None
    for end in ("from_lane", "to_lane"):
        record[end] = lane_named(str(record.get(end))) or record.get(end)
    return Moved


_KINDS: dict[str, type[Event]] = {"annotation": Annotated, "mission_accepted": MissionAccepted}


@cache
def _adapter(name: str) -> TypeAdapter[Event]:
    kinds: dict[str, type[Event]] = {kind.__name__: kind for kind in (Moved, *_KINDS.values())}
    return TypeAdapter(kinds[name])


def damaged(path: Path, number: int, complaint: str) -> StateUnreadable:
    """The refusal of a log with such a line."""
    return StateUnreadable(
        f"{path}, line {number}: {complaint}; restore the line from git or correct it by hand",
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
