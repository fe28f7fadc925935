"""A mission's log as the record has it, and how it stands to the file that people and git write, too."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from specify_cli.storage.event_lines import ReadLine, batch_of, json_object
from specify_cli.storage.record_proof import is_redacted

_NO_SALTS: Final[Mapping[bytes, bytes]] = MappingProxyType({})


class Foreign(NamedTuple):
    """A line of the file that the record does not hold; `after` lines of the record stand before it."""

    number: int
    line: bytes
    after: int


class Comparison(NamedTuple):
    """How the file stands to the lines of the record.

    Lines of the file count from 1, lines of the record from 0.

    Attributes:
        missing: Lines of the record that are nowhere in the file.
        foreign: Lines of somebody else, in their order.
        changed: Lines of the file that have the event id of a line of the record and say something
            else, each with that line of the record.
        misplaced: Lines of the file that are there twice, or before one that stands before them in
            the record.
        unredacted: Lines of the file with text that was taken out of the record, each with the line of
            the record.
        damaged: Lines of the file that are not JSON objects.
        torn: What stands behind the last whole line, zeros included.
    """

    missing: Sequence[int] = ()
    foreign: Sequence[Foreign] = ()
    changed: Sequence[tuple[int, int]] = ()
    misplaced: Sequence[int] = ()
    unredacted: Sequence[tuple[int, int]] = ()
    damaged: Sequence[int] = ()
    torn: bytes = b""
    held: int = 0

    @property
    def is_same(self) -> bool:
        """The file has the lines of the record, and nothing else."""
        return self.is_behind and not self.missing and not self.torn

    @property
    def is_behind(self) -> bool:
        """What the file lacks, if anything, is the end: it is right when that is appended."""
        others = (self.foreign, self.changed, self.misplaced, self.unredacted, self.damaged)
        is_suffix = not self.missing or self.missing[0] == self.held
        return is_suffix and not any(others)


class _Walk:
    """What has been found in the file so far."""

    def __init__(self, known: Sequence[bytes], salts: Mapping[bytes, bytes]) -> None:
        self.known, self.salts = known, salts
        self.missing = {*range(len(known))}
        self.next = 0
        self.foreign: list[Foreign] = []
        self.changed: list[tuple[int, int]] = []
        self.misplaced: list[int] = []
        self.unredacted: list[tuple[int, int]] = []
        self.damaged: list[int] = []
        self.seen: dict[str, dict[str, Any]] = {}
        self._names: dict[str, int] | None = None

    def place_of(self, name: str) -> int | None:
        """Where the record has the line of that name; looked for once a line is not the record's."""
        if self._names is None:
            said = ((json_object(line), place) for place, line in enumerate(self.known))
            self._names = {_name(it): place for it, place in said if it is not None}
        return self._names.get(name)

    @property
    def after(self) -> int:
        """How many lines of the record stand before a foreign one here: an append is not divided."""
        if not self.next:
            return 0
        position, size = batch_of(json_object(self.known[self.next - 1]) or {})
        return min(self.next + max(size - position, 0), len(self.known))


def compare(
    known: Sequence[bytes], raw: bytes, salts: Mapping[bytes, bytes] = _NO_SALTS
) -> Comparison:
    """How a file with the bytes `raw` stands to the lines of the record; `salts` has those of redacted lines.

    Ends of lines and blank lines do not count: git may have written them. Lines of zeros are what a
    power loss leaves, and count as if they were not there.
    """
    if _is_beginning(raw, known):
        held = raw.count(b"\n")
        return Comparison(missing=range(held, len(known)), held=held)
    places: defaultdict[bytes, deque[int]] = defaultdict(deque)
    for place, line in enumerate(known):
        places[line.strip()].append(place)
    walk = _Walk(known, salts)
    lines, torn = _split(raw)
    for number, line in lines:
        found = places.get(line)
        if found is None:
            _judge(walk, number, line)
        else:
            _note(walk, found, number)
    return Comparison(
        missing=sorted(walk.missing),
        foreign=walk.foreign,
        changed=walk.changed,
        misplaced=walk.misplaced,
        unredacted=walk.unredacted,
        damaged=walk.damaged,
        torn=torn,
        held=len(known) - len(walk.missing),
    )


def redacted(raw: bytes, found: Comparison, known: Sequence[bytes]) -> bytes:
    """The file's bytes with the record's lines in place of those that have text which was redacted."""
    if not found.unredacted:
        return raw
    lines = raw.split(b"\n")
    for number, place in found.unredacted:
        lines[number - 1] = known[place].rstrip(b"\n")
    return b"\n".join(lines)


def with_foreign(known: Sequence[bytes], foreign: Iterable[Foreign]) -> list[bytes]:
    """The lines of the record with those of others in the places where they stood."""
    lines: list[bytes] = []
    begun = 0
    for it in foreign:
        lines += known[begun : it.after]
        begun = max(begun, it.after)
        lines.append(it.line)
    return [*lines, *known[begun:]]


def _is_beginning(raw: bytes, known: Sequence[bytes]) -> bool:
    """Whether the file is what the host would have written, as far as it goes: then no line has to be looked at."""
    is_whole = raw.endswith(b"\n") and b"\n\n" not in raw
    return is_whole and b"".join(known).startswith(raw)


def _judge(walk: _Walk, number: int, line: bytes) -> None:
    """The line of the file is not one of the record, by its bytes."""
    said = json_object(line)
    if said is None:
        walk.damaged.append(number)
        return
    event_id = _event_id(said)
    name, has_id = event_id or _name(said), bool(event_id)
    ours = walk.place_of(name)
    if has_id and ours is None and walk.seen.get(name) == said:
        # As `merge=union` leaves it.
        walk.misplaced.append(number)
    elif ours is None or not (has_id or ours in walk.missing):
        walk.seen[name] = said
        whole = ReadLine.of(line + b"\n", said)
        walk.foreign.append(Foreign(number=number, line=whole, after=walk.after))
    elif said == json_object(walk.known[ours]):
        # Another program wrote it again, in another form.
        _note(walk, deque([ours] if ours in walk.missing else []), number)
    elif _is_unredacted(walk, line, walk.known[ours]):
        walk.unredacted.append((number, ours))
        _note(walk, deque([ours] if ours in walk.missing else []), number)
    else:
        walk.missing.discard(ours)
        walk.next = max(walk.next, ours + 1)
        walk.changed.append((number, ours))


def _is_unredacted(walk: _Walk, line: bytes, known: bytes) -> bool:
    salt = walk.salts.get(known)
    return salt is not None and is_redacted(known, of=line, salt=salt)


def _note(walk: _Walk, places: deque[int], number: int) -> None:
    """The line of the file is one of the record, where it may be more than once."""
    while places and places[0] < walk.next:
        last = places.popleft()
        if not places:
            # Out of its order, yet not missing.
            walk.missing.discard(last)
    if places:
        place = places.popleft()
        walk.missing.discard(place)
        walk.next = place + 1
    else:
        walk.misplaced.append(number)


def _split(raw: bytes) -> tuple[Iterator[tuple[int, bytes]], bytes]:
    """The whole lines that say something, with their numbers, and what stands behind the last whole one."""
    end = raw.rfind(b"\n") + 1
    if json_object(raw[end:]) is not None:
        end = len(raw)
    numbered = enumerate(raw[:end].split(b"\n"), start=1)
    stripped = ((number, line.strip(b"\0 \t\r")) for number, line in numbered)
    return ((number, line) for number, line in stripped if line), raw[end:]


def _name(said: dict[str, Any]) -> str:
    """What a line is known by: the id of its event, else all that it says."""
    return _event_id(said) or json.dumps(said, sort_keys=True)


def _event_id(said: dict[str, Any]) -> str | None:
    found = said.get("event_id")
    return found if isinstance(found, str) and found else None
