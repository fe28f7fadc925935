"""The append-only log of a mission: JSON lines, locked, synced, the authority on every lane."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import cache
from io import FileIO
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from specify_cli import ids
from specify_cli.core.events import UNRECORDED, Annotated, Event, MissionAccepted, Moved
from specify_cli.core.lanes import lane_named
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.files import folders
from specify_cli.files.atomic import fsync_folder, publish
from specify_cli.files.regular import TooLarge
from specify_cli.storage import project_files

FILE_NAME = "status.events.jsonl"
GENESIS = "genesis"
MOST_BYTES = 512 * 1024 * 1024
"""A million events; the host reads the whole log."""
# Where another version wrote an object for the actor, or nothing.
ACTOR_NAMES = ("tool", "profile", "role")
NOBODY = "unknown"
OBJECT_NAME = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogContent:
    """What a log file holds: its events, and how many of its bytes are whole."""

    events: tuple[Event, ...] = ()
    sound_bytes: int = 0
    torn: bytes = b""

    def caused_by(self, correlation_id: str, identity: str | None = None) -> tuple[Event, ...]:
        """The events that the request of that id has appended; `identity` is whose id it is."""
        asked = (correlation_id, identity)
        return tuple(e for e in self.events if (e.correlation_id, e.identity) == asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLog:
    """The log of one mission; nothing between it and the project's `root` may be a link.

    `attic` is the folder for what interrupted appends have left.
    """

    path: Path
    root: Path
    mission_slug: str
    attic: Path

    def read(self) -> LogContent:
        """The log's content; an interrupted append at its end counts as not written.

        Raises: StateUnreadable naming file and line when a line before the end is damaged,
        StorageFailed when the file cannot be read.
        """
        return _parse(self.raw(), self.path)

    def raw(self) -> bytes:
        """The file's bytes; none where there is no file.

        Raises: StateUnreadable where it, or a folder on the way, is not what it should be;
        StorageFailed.
        """
        try:
            return project_files.read(self.path, below=self.root, max_bytes=MOST_BYTES)
        except FileNotFoundError:
            return b""
        except TooLarge as error:
            raise _damaged(self.path, 1, f"the file {error}") from error
        except OSError as error:
            message = f"cannot read {self.path}: {error.strerror}; check the disk"
            raise StorageFailed(message) from error

    def append(self, events: Sequence[Event]) -> None:
        """All `events` are on the disk, or none is; call it under the mission's lock.

        Raises: StateUnreadable, StorageFailed.
        """
        self.append_lines(encode(events, mission_slug=self.mission_slug))

    def append_lines(self, lines: bytes) -> None:
        """The encoded `lines` are on the disk, or none is; call it under the mission's lock.

        Raises: StateUnreadable, StorageFailed.
        """
        content = self.read()
        try:
            self._repair(content)
            self._write(lines)
        except OSError as error:
            message = f"cannot append to {self.path}: {error.strerror}; nothing was changed"
            raise StorageFailed(message) from error

    def take_back(self, events: Sequence[Event]) -> None:
        """The log ends before `events`, its newest append, which nobody was told of yet.

        Call it under the mission's lock that `append` was called under.
        Raises: StorageFailed.
        """
        raw, lines = self.raw(), encode(events, mission_slug=self.mission_slug)
        if not raw.endswith(lines):
            return
        try:
            with self._opened(os.O_RDWR) as log:
                log.truncate(len(raw) - len(lines))
                os.fsync(log.fileno())
        except OSError as error:
            message = f"cannot take an append to {self.path} back: {error.strerror}"
            raise StorageFailed(message) from error

    def mend(self) -> None:
        """The file ends with a complete line; call it under the mission's lock.

        Raises: StateUnreadable, StorageFailed.
        """
        if os.path.lexists(self.path):
            self.append_lines(b"")

    def _opened(self, flags: int) -> AbstractContextManager[FileIO]:
        return project_files.opened(self.path, below=self.root, flags=flags)

    def _repair(self, content: LogContent) -> None:
        """The file ends with a complete append; what was torn is kept in the attic."""
        if content.torn:
            folders.ensure(self.attic, below=self.root, mode=0o700)
            kept = self.attic / f"{self.path.parent.name}-{ids.ulid()}"
            publish(kept, content.torn, below=self.root)
            with self._opened(os.O_RDWR) as log:
                log.truncate(content.sound_bytes)

    def _write(self, data: bytes) -> None:
        """`data` is at the end of the file and synced, or the file is as long as before."""
        is_new = not os.path.lexists(self.path)
        # Unbuffered: a buffer would try once more when it is closed, behind the truncation.
        with self._opened(os.O_RDWR | os.O_APPEND | os.O_CREAT) as log:
            size = os.fstat(log.fileno()).st_size
            try:
                if size and os.pread(log.fileno(), 1, size - 1) != b"\n":
                    data = b"\n" + data
                _write_all(log, data)
                os.fsync(log.fileno())
                if is_new:
                    fsync_folder(self.path.parent)
            except (OSError, StorageFailed):
                os.ftruncate(log.fileno(), size)
                if is_new:
                    self.path.unlink()
                raise


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminedLine:
    """One whole line of a log: its event if it holds one of ours, or what is wrong with it."""

    number: int
    record: dict[str, Any]
    events: tuple[Event, ...] = ()
    fault: StateUnreadable | None = None


def examine(raw: bytes, path: Path) -> Iterator[ExaminedLine]:
    """Every whole line of a log, damaged ones too, where `read` stops at the first of those."""
    for number, line in enumerate(raw[: _end_of_lines(raw)].splitlines(), start=1):
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
    line = head | {"mission_slug": mission_slug} | asdict(event)
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


def _parse(raw: bytes, path: Path) -> LogContent:
    """Walks the lines; whatever stands behind the last complete append is torn."""
    events: list[Event] = []
    pending: list[Event] = []
    sound_bytes = offset = 0
    for number, line in enumerate(raw[: _end_of_lines(raw)].splitlines(keepends=True), start=1):
        offset += len(line)
        record = _record(line, path, number)
        found = _events_of(record, path, number)
        # A line of another version may have a field of that name that means something else.
        position, size = _batch_of(record) if found else (1, 1)
        if position == 1:
            pending.clear()
        pending.extend(found)
        if position == size:
            events.extend(pending)
            pending.clear()
            sound_bytes = offset
    return LogContent(events=tuple(events), sound_bytes=sound_bytes, torn=raw[sound_bytes:])


def _end_of_lines(raw: bytes) -> int:
    """Where the last whole line ends: a last line without a newline is whole if it can be read."""
    end = raw.rfind(b"\n") + 1
    return end if _load(raw[end:]) is None else len(raw)


def _record(line: bytes, path: Path, number: int) -> dict[str, Any]:
    """The line as an object; an empty object for a blank line."""
    if not line.strip():
        return {}
    record = _load(line)
    if record is None:
        raise _damaged(path, number, "it is not a JSON object")
    return record


def _batch_of(record: dict[str, Any]) -> tuple[int, int]:
    """Where the line stands among those of its append, and how many they are."""
    match record.get("batch"):
        case [int(position), int(size)]:
            return position, size
        case _:
            return 1, 1


def _load(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


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
        raise _damaged(path, number, f"{field}: {first['msg']}") from error


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


def _damaged(path: Path, number: int, complaint: str) -> StateUnreadable:
    return StateUnreadable(
        f"{path}, line {number}: {complaint}; restore the line from git or correct it by hand",
        file=str(path),
        line=number,
    )


def _write_all(log: FileIO, data: bytes) -> None:
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[log.write(remaining) :]
