"""Whether two patterns of owned files can name the same file."""

from __future__ import annotations

from functools import lru_cache

ANY_DEPTH = "**"


def overlap(one: str, other: str) -> bool:
    """True when some path fits both patterns.

    `*` and `?` stay within a folder, `**` spans folders, and a pattern owns everything below
    what it names, so that `src/api` and `src/api/users.py` overlap.
    """
    return _paths_meet(_segments(one), _segments(other))


def literal_prefix(pattern: str) -> str:
    """The text that every path that fits begins with: all before the first wildcard.

    Two patterns can overlap only where one's prefix begins with the other's.
    """
    clean = "/".join(_segments(pattern))
    ends = [clean.index(wildcard) for wildcard in "*?" if wildcard in clean]
    return clean[: min(ends)] if ends else clean


def _segments(pattern: str) -> tuple[str, ...]:
    return tuple(part for part in pattern.strip().split("/") if part not in ("", "."))


@lru_cache(maxsize=65536)
def _paths_meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if not one or not other:
        return True
    if ANY_DEPTH in (one[0], other[0]):
        return _paths_meet(one[1:], other) or _paths_meet(one, other[1:])
    return _names_meet(one[0], other[0]) and _paths_meet(one[1:], other[1:])


@lru_cache(maxsize=65536)
def _names_meet(one: str, other: str) -> bool:
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*" or other[0] == "*":
        return _names_meet(one[1:], other) or _names_meet(one, other[1:])
    same = one[0] == other[0] or "?" in (one[0], other[0])
    return same and _names_meet(one[1:], other[1:])
