"""Finds overlapping patterns without comparing all pairs.

A set of patterns is an integer with one bit for each. An index maps each position and character to the
set of patterns that can match there; intersecting these sets gives the patterns that overlap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from specify_cli.core.globs import Head, heads_meet, is_wild


def connected(heads: Sequence[Head]) -> list[int]:
    """Return for each head the first member of its group. Groups are connected by overlaps."""
    groups = _Groups(list(range(len(heads))))
    apart = _widest(heads, groups)
    wild = [number for number in apart if any(map(is_wild, heads[number]))]
    index = PatternIndex([heads[number] for number in wild])
    members: dict[int, int] = {}
    left = (1 << len(wild)) - 1
    while left:
        group = _reachable(index, next(bits(left)), among=left)
        left &= ~group
        members[groups.join(*(wild[bit] for bit in bits(group)))] = group
    for number in sorted(set(apart) - set(wild)):
        near, found, group = index.meeting(heads[number]), [number], 0
        while near:
            leader = groups.leader(wild[next(bits(near))])
            found.append(leader)
            group |= members[leader]
            near &= ~group
        members[groups.join(*found)] = group
    return [groups.leader(number) for number in range(len(heads))]


def _widest(heads: Sequence[Head], groups: _Groups) -> list[int]:
    """Return the heads that no other head is a prefix of; join the others to their prefix."""
    first: dict[Head, int] = {}
    for number, head in enumerate(heads):
        first.setdefault(head, number)
    lengths = sorted({len(head) for head in first})
    apart = []
    for head, number in first.items():
        above = next(head[:n] for n in lengths if head[:n] in first)
        groups.join(first[above], number)
        if above == head:
            apart.append(number)
    for number, head in enumerate(heads):
        groups.join(first[head], number)
    return sorted(apart)


def _reachable(index: PatternIndex, start: int, *, among: int) -> int:
    """Return the patterns of `among` that are connected with `start`."""
    group, unvisited = 1 << start, [start]
    while unvisited:
        near = index.meeting(index.heads[unvisited.pop()], among=among & ~group)
        group |= near
        unvisited += bits(near)
    return group


def first_meeting(heads: Sequence[Head], others: Sequence[Head]) -> list[int | None]:
    """Return for each head the number of the first of `others` that it overlaps with."""
    found: list[list[int]] = [[] for _ in heads]
    ours, theirs = _wild(heads), _wild(others)
    index = PatternIndex([others[number] for number in theirs])
    for number, head in enumerate(heads):
        found[number] += [theirs[bit] for bit in islice(bits(index.meeting(head)), 1)]
    index, left = PatternIndex([heads[number] for number in ours]), (1 << len(ours)) - 1
    exact: dict[Head, int] = {}
    at_or_below: dict[Head, int] = {}
    for place, other in enumerate(others):
        if other not in exact and not any(map(is_wild, other)):
            near = index.meeting(other, among=left)
            left &= ~near
            for bit in bits(near):
                found[ours[bit]].append(place)
            exact[other] = place
            for size in range(len(other) + 1):
                at_or_below.setdefault(other[:size], place)
    for number in set(range(len(heads))) - set(ours):
        head = heads[number]
        above = [exact[head[:size]] for size in range(len(head)) if head[:size] in exact]
        found[number] += [*above, *([at_or_below[head]] if head in at_or_below else [])]
    return [min(places, default=None) for places in found]


def _wild(heads: Sequence[Head]) -> list[int]:
    return [number for number, head in enumerate(heads) if any(map(is_wild, head))]


class PatternIndex:
    """An index of patterns, identified by their number in the sequence."""

    def __init__(self, heads: Sequence[Head]) -> None:
        self.heads = heads
        self._all = (1 << len(heads)) - 1
        depth = max(map(len, heads), default=0)
        self._levels = [_Level.of(heads, depth=d) for d in range(depth)]

    def meeting(self, head: Head, *, among: int | None = None) -> int:
        """Return the set of patterns (out of `among`) that overlap with this head."""
        possible = self._all if among is None else among
        certain = self._all
        for level, name in zip(self._levels, head, strict=False):
            if not possible:
                return 0
            may, must = level.meeting(name)
            possible &= may
            certain &= must
        doubtful = possible & ~certain
        for number in bits(doubtful):
            if not heads_meet(head, self.heads[number]):
                possible ^= 1 << number
        return possible


def bits(numbers: int) -> Iterator[int]:
    """Yield the numbers in a set, ascending."""
    while numbers:
        lowest = numbers & -numbers
        yield lowest.bit_length() - 1
        numbers ^= lowest


class _Characters:
    """The characters of patterns at each position, counted from one end of the name."""

    def __init__(self) -> None:
        self.at: dict[tuple[int, str], int] = {}
        # Position to the patterns whose first `*` is there: from it on, everything matches.
        self.open_from: dict[int, int] = {}

    def add(self, text: str, patterns: int, *, is_open: bool) -> None:
        """Add patterns that have this text; with `is_open`, a `*` follows it."""
        for position, character in enumerate(text):
            for key in ((position, character), (position, "")):
                self.at[key] = self.at.get(key, 0) | patterns
        if is_open:
            self.open_from[len(text)] = self.open_from.get(len(text), 0) | patterns

    def fitting(self, text: str) -> int:
        """Return the patterns whose fixed characters do not contradict `text`."""
        opened = 0
        fitting = -1
        for position, character in enumerate(text):
            opened |= self.open_from.get(position, 0)
            wanted = "" if character == "?" else character
            there = self.at.get((position, wanted), 0) | self.at.get((position, "?"), 0)
            fitting &= there | opened
            if not fitting:
                break
        return fitting


class _Level:
    """The names of patterns at one depth."""

    def __init__(self) -> None:
        # The patterns that are shorter.
        self.ended = 0
        # Length to the patterns whose name has no `*`.
        self.fixed: dict[int, int] = {}
        # Least length of a match to the patterns whose name has one `*`.
        self.starry: dict[int, int] = {}
        # The patterns whose name has several `*` with characters between them.
        self.starry_more = 0
        # Piece of a name to the patterns with several `*` that match only names with that piece.
        self.needing: dict[str, int] = {}
        # Piece of a name to the patterns without `*` that contain it; key `?`: may contain any.
        self.having: dict[str, int] = {}
        self.starts = _Characters()
        self.ends = _Characters()
        self.known: dict[str, tuple[int, int]] = {}

    @classmethod
    def of(cls, heads: Sequence[Head], *, depth: int) -> _Level:
        """Build the level of all patterns at that depth."""
        by_name: dict[str, int] = {}
        level = cls()
        for number, head in enumerate(heads):
            if len(head) <= depth:
                level.ended |= 1 << number
            else:
                by_name[head[depth]] = by_name.get(head[depth], 0) | 1 << number
        counts = Counter(piece for name in by_name for piece in _pieces(name))
        for name, patterns in by_name.items():
            level.add(name, patterns, rarest=min(_pieces(name), key=counts.__getitem__, default=""))
        return level

    def add(self, name: str, patterns: int, *, rarest: str) -> None:
        """Add patterns with that name; `rarest` is its piece that occurs in the fewest names."""
        start, end, middle = _ends(name)
        if "*" not in name:
            self.fixed[len(name)] = self.fixed.get(len(name), 0) | patterns
            for piece in _pieces(name) if "?" not in name else ["?"]:
                self.having[piece] = self.having.get(piece, 0) | patterns
        elif middle:
            self.starry_more |= patterns
            self.needing[rarest] = self.needing.get(rarest, 0) | patterns
        else:
            least = len(start) + len(end)
            self.starry[least] = self.starry.get(least, 0) | patterns
        self.starts.add(start, patterns, is_open="*" in name)
        self.ends.add(end[::-1], patterns, is_open="*" in name)

    def meeting(self, name: str) -> tuple[int, int]:
        """Return the patterns that may overlap with the name, and those that certainly do."""
        if name not in self.known:
            self.known[name] = self._meeting(name)
        return self.known[name]

    def _meeting(self, name: str) -> tuple[int, int]:
        start, end, middle = _ends(name)
        is_fixed = "*" not in name
        fitting = self.starts.fitting(start) & self.ends.fitting(end[::-1])
        if is_fixed:
            sure = self.fixed.get(len(name), 0)
            for least, patterns in self.starry.items():
                sure |= patterns if least <= len(name) else 0
            possible = sure | self._several(name)
        else:
            sure = self.starry_more
            for patterns in self.starry.values():
                sure |= patterns
            fixed = 0
            for length, patterns in self.fixed.items():
                fixed |= patterns if length >= len(start) + len(end) else 0
            possible = sure | fixed
            if middle:
                for piece in _pieces(name):
                    fixed &= self.having.get(piece, 0) | self.having.get("?", 0)
                possible = sure | fixed
            else:
                sure = possible
        return self.ended | fitting & possible, self.ended | fitting & sure

    def _several(self, name: str) -> int:
        """Return the patterns with several `*` whose rarest piece is in the name."""
        if "?" in name:
            return self.starry_more
        found = self.needing.get("", 0)
        for piece in _pieces(name):
            found |= self.needing.get(piece, 0)
        return found


def _ends(name: str) -> tuple[str, str, str]:
    """Split at `*`: the text before the first, after the last, and between them without `*`."""
    if "*" not in name:
        return name, name, ""
    start, _, rest = name.partition("*")
    middle, _, end = rest.rpartition("*")
    return start, end if "*" in rest else rest, middle.replace("*", "")


class _Groups:
    """Disjoint sets of numbers; the least number of a group is its leader."""

    def __init__(self, towards: list[int]) -> None:
        self.towards = towards

    def leader(self, number: int) -> int:
        """Return the least number of the group."""
        while self.towards[number] != number:
            self.towards[number] = self.towards[self.towards[number]]
            number = self.towards[number]
        return number

    def join(self, *numbers: int) -> int:
        """Join the groups of all the numbers and return the leader."""
        leaders = {self.leader(number) for number in numbers}
        first = min(leaders)
        for leader in leaders:
            self.towards[leader] = first
        return first


def _pieces(name: str) -> set[str]:
    """Return all substrings of one to three characters without wildcards."""
    return {
        piece
        for size in (1, 2, 3)
        for start in range(len(name) - size + 1)
        if not is_wild(piece := name[start : start + size])
    }
