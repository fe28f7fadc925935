"""Compare a mission's log in the record with the file that people and git also write."""

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
    """A line of the file that the record does not have; `after` is the number of record lines before it."""

    number: int
    line: bytes
    after: int


class Comparison(NamedTuple):
    """How the file differs from the lines of the record.

    Lines of the file count from 1, lines of the record from 0.

    Attributes:
        missing: Lines of the record that the file lacks.
        foreign: Lines of other programs, in order.
        changed: Lines of the file with the event id of a record line and other content, each with
            that line of the record.
        misplaced: Lines of the file that are duplicates, or out of order.
        unredacted: Lines of the file with text that the record has redacted, each with its line of
            the record.
        damaged: Lines of the file that are not JSON objects.
        torn: The bytes after the last whole line, zeros included.
        held: The number of lines of the record that the file has.
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
        """Whether the file has the lines of the record and nothing else."""
        return self.is_behind and not self.missing and not self.torn

    @property
    def is_behind(self) -> bool:
        """Whether appending the missing lines makes the file correct."""
        others = (self.foreign, self.changed, self.misplaced, self.unredacted, self.damaged)
        is_suffix = not self.missing or self.missing[0] == self.held
        return is_suffix and not any(others)


class _Walk:
    """The result for the lines of the file that were compared so far."""

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
        """Return the index of the record line with that name; the index is built on first use."""
        if self._names is None:
            said = ((json_object(line), place) for place, line in enumerate(self.known))
            self._names = {_name(it): place for it, place in said if it is not None}
        return self._names.get(name)

    @property
    def after(self) -> int:
        """The number of record lines before a foreign line here: an append is not split."""
        if not self.next:
            return 0
        position, size = batch_of(json_object(self.known[self.next - 1]) or {})
        return min(self.next + max(size - position, 0), len(self.known))


def compare(
    known: Sequence[bytes], raw: bytes, salts: Mapping[bytes, bytes] = _NO_SALTS
) -> Comparison:
    """Compare a file with the bytes `raw` with the lines of the record.

    Line ends and blank lines do not count: git may have changed them. Lines of zeros, which a power
    loss leaves, are ignored.

    Args:
        known: The lines of the record.
        raw: The bytes of the file.
        salts: The salt of each redacted line of the record.
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
    """Return the file's bytes with the record's lines in place of unredacted ones."""
    if not found.unredacted:
        return raw
    lines = raw.split(b"\n")
    for number, place in found.unredacted:
        lines[number - 1] = known[place].rstrip(b"\n")
    return b"\n".join(lines)


def with_foreign(known: Sequence[bytes], foreign: Iterable[Foreign]) -> list[bytes]:
    """Return the lines of the record with foreign lines inserted at their places."""
    lines: list[bytes] = []
    begun = 0
    for it in foreign:
        lines += known[begun : it.after]
        begun = max(begun, it.after)
        lines.append(it.line)
    return [*lines, *known[begun:]]


def _is_beginning(raw: bytes, known: Sequence[bytes]) -> bool:
    """Whether the file is a prefix of what the host writes: then no line has to be parsed."""
    is_whole = raw.endswith(b"\n") and b"\n\n" not in raw
    return is_whole and b"".join(known).startswith(raw)


def _judge(walk: _Walk, number: int, line: bytes) -> None:
    """Classify a line of the file whose bytes no record line has."""
    said = json_object(line)
    if said is None:
        walk.damaged.append(number)
        return
    event_id = _event_id(said)
    name, has_id = event_id or _name(said), bool(event_id)
    ours = walk.place_of(name)
    if has_id and ours is None and walk.seen.get(name) == said:
        # `merge=union` leaves such duplicates.
        walk.misplaced.append(number)
    elif ours is None or not (has_id or ours in walk.missing):
        walk.seen[name] = said
        whole = ReadLine.of(line + b"\n", said)
        walk.foreign.append(Foreign(number=number, line=whole, after=walk.after))
    elif said == json_object(walk.known[ours]):
        # Another program has written it in another form.
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
    """Record that the line of the file is a record line, which may occur more than once."""
    while places and places[0] < walk.next:
        last = places.popleft()
        if not places:
            # It is out of order, but not missing.
            walk.missing.discard(last)
    if places:
        place = places.popleft()
        walk.missing.discard(place)
        walk.next = place + 1
    else:
        walk.misplaced.append(number)


def _split(raw: bytes) -> tuple[Iterator[tuple[int, bytes]], bytes]:
    """Return the non-blank whole lines with their numbers, and the bytes after the last whole line."""
    end = raw.rfind(b"\n") + 1
    if json_object(raw[end:]) is not None:
        end = len(raw)
    numbered = enumerate(raw[:end].split(b"\n"), start=1)
    stripped = ((number, line.strip(b"\0 \t\r")) for number, line in numbered)
    return ((number, line) for number, line in stripped if line), raw[end:]


def _name(said: dict[str, Any]) -> str:
    """Return the key of a line: the id of its event, else its whole content."""
    return _event_id(said) or json.dumps(said, sort_keys=True)


def _event_id(said: dict[str, Any]) -> str | None:
    found = said.get("event_id")
    return found if isinstance(found, str) and found else None
