"""Patterns of owned files: matching, and whether two patterns overlap."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

ANY_DEPTH = "**"
MOST_CHARACTERS = 512
MOST_WILDCARDS = 32
_WILDCARDS_AS_CHARACTERS = str.maketrans("*?", "\0\0")

Head: TypeAlias = tuple[str, ...]
"""The names of a pattern before its first `**`. They decide with which patterns it overlaps."""


class PatternTooComplex(ValueError):
    """A pattern exceeds the limits of length or wildcards."""


def require_simple(pattern: str) -> None:
    """Check that a pattern is within the limits.

    Raises:
        PatternTooComplex: It is too long, or has too many wildcards.
    """
    if len(pattern) > MOST_CHARACTERS:
        raise PatternTooComplex(
            f"{pattern[:40]!r}.. has {len(pattern)} characters, more than {MOST_CHARACTERS}"
        )
    wildcards = pattern.count("*") + pattern.count("?") - pattern.count(ANY_DEPTH)
    if wildcards > MOST_WILDCARDS:
        raise PatternTooComplex(
            f"{pattern[:40]!r}.. has {wildcards} wildcards, more than {MOST_WILDCARDS}"
        )


def overlap(one: str, other: str) -> bool:
    """Whether some path matches both patterns.

    `*` and `?` match within a folder, `**` spans folders, and a pattern owns everything below
    the paths that it matches, so that `src/api` and `src/api/users.py` overlap.
    """
    return heads_meet(head(one), head(other))


def owns(pattern: str, path: str) -> bool:
    """Whether the pattern matches the file `path`. Wildcards in `path` are plain characters."""
    parts = _names(pattern)
    reached = _past_any_depth({0}, parts)
    for name in path.translate(_WILDCARDS_AS_CHARACTERS).split("/"):
        if len(parts) in reached:
            break
        stay = {at for at in reached if parts[at] == ANY_DEPTH}
        go_on = {at + 1 for at in reached - stay if names_meet(name, parts[at])}
        reached = _past_any_depth(stay | go_on, parts)
    return len(parts) in reached


def _past_any_depth(reached: set[int], parts: list[str]) -> set[int]:
    """Add the positions after each reached `**`, which may match no folder."""
    found = set(reached)
    for at, part in enumerate(parts):
        if at in found and part == ANY_DEPTH:
            found.add(at + 1)
    return found


def head(pattern: str) -> Head:
    """Return the names of the pattern before its first `**`.

    The names after a `**` exclude no overlap: the other pattern owns everything below the paths
    that it matches, so some path there ends as this pattern requires. A pattern beyond the limits counts
    as everything below the names before its first wildcard.
    """
    names = _names(pattern)
    if ANY_DEPTH in names:
        del names[names.index(ANY_DEPTH) :]
    try:
        require_simple(pattern)
    except PatternTooComplex:
        kept: list[str] = []
        length = 0
        for name in names:
            length += len(name) + 1
            if is_wild(name) or length > MOST_CHARACTERS:
                break
            kept.append(name)
        names = kept
    return tuple(names)


def _names(pattern: str) -> list[str]:
    return [part for part in pattern.strip().split("/") if part not in ("", ".")]


def heads_meet(one: Head, other: Head) -> bool:
    """Whether the patterns with these heads overlap."""
    return all(names_meet(*pair) for pair in zip(one, other, strict=False))


@lru_cache(maxsize=65536)
def names_meet(one: str, other: str) -> bool:
    """Whether some file name matches both patterns of a name."""
    if "*" not in other:
        one, other = other, one
    if "*" not in other:
        return len(one) == len(other) and _fits(one, other)
    if "*" not in one:
        return _matches(one, other)
    # A `*` of one can match the whole middle of the other, so only the ends matter.
    starts = zip(one.partition("*")[0], other.partition("*")[0], strict=False)
    ends = zip(one.rpartition("*")[2][::-1], other.rpartition("*")[2][::-1], strict=False)
    return all(_same(*pair) for pair in (*starts, *ends))


def is_wild(name: str) -> bool:
    """Whether the name has a wildcard."""
    return "*" in name or "?" in name


def _matches(name: str, pattern: str) -> bool:
    """Whether the pattern, which has a `*`, matches the name, which may have `?`.

    Each piece between two `*` is matched at its first position, which leaves most for the others.
    """
    first, *middle, last = pattern.split("*")
    end = len(name) - len(last)
    if len(first) > end or not _fits(name[: len(first)], first) or not _fits(name[end:], last):
        return False
    position = len(first)
    for piece in middle:
        position = _find(piece, name, start=position, end=end)
        if position < 0:
            return False
        position += len(piece)
    return True


def _find(piece: str, name: str, *, start: int, end: int) -> int:
    """Return the first position in that part of the name where the piece matches, else -1."""
    if "?" not in name and "?" not in piece:
        return name.find(piece, start, end)
    positions = range(start, end - len(piece) + 1)
    return next((at for at in positions if _fits(name[at:][: len(piece)], piece)), -1)


def _fits(name: str, piece: str) -> bool:
    """Whether two texts of the same length, which may have `?`, match."""
    return name == piece or all(_same(*pair) for pair in zip(name, piece, strict=True))


def _same(one: str, other: str) -> bool:
    return one == other or "?" in (one, other)
