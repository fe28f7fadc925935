"""Whether two patterns of owned files can name the same file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
    """True once either pattern is used up: it owns all that the other goes on to name."""
    walk = _walk(one, other, run=ANY_DEPTH, meet=_names_meet)
    return any(token is None or opposite is None for token, opposite in walk)


@lru_cache(maxsize=65536)
def _names_meet(one: str, other: str) -> bool:
    return (None, None) in _walk(one, other, run="*", meet=_characters_meet)


def _characters_meet(one: str, other: str) -> bool:
    return one == other or "?" in (one, other)


def _walk(
    one: Sequence[str], other: Sequence[str], *, run: str, meet: Callable[[str, str], bool]
) -> Iterator[tuple[str | None, str | None]]:
    """The tokens that both patterns can stand before at once, None behind the last.

    A loop over places instead of a recursion: a pattern may be longer than the stack is deep.
    """
    reached = {0}
    for token in (*one, None):
        waiting, reached = sorted(reached, reverse=True), set()
        while waiting:
            place = waiting.pop()
            opposite = other[place] if place < len(other) else None
            yield token, opposite
            if run in (token, opposite):
                reached.add(place)
                if opposite is not None and waiting[-1:] != [place + 1]:
                    waiting.append(place + 1)
            elif token is not None and opposite is not None and meet(token, opposite):
                reached.add(place + 1)
