from __future__ import annotations

from functools import cache
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specify_cli.core.globs import overlap, owns

NAMES = ["".join(letters) for size in (1, 2, 3) for letters in product("ab", repeat=size)]
PATHS = [path for depth in (1, 2, 3) for path in product(NAMES[:6], repeat=depth)]
SEGMENTS = st.one_of(st.just("**"), st.text("ab*?", min_size=1, max_size=2))
PATTERNS = st.lists(SEGMENTS, min_size=1, max_size=2).map("/".join)


@cache
def fits_name(name: str, pattern: str) -> bool:
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(fits_name(name[taken:], pattern[1:]) for taken in range(len(name) + 1))
    return bool(name) and pattern[0] in ("?", name[0]) and fits_name(name[1:], pattern[1:])


def fits(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """A reference implementation of the rule: a pattern owns everything below what it names."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(fits(path[taken:], pattern[1:]) for taken in range(len(path) + 1))
    return bool(path) and fits_name(path[0], pattern[0]) and fits(path[1:], pattern[1:])


@given(PATTERNS, PATTERNS)
def test_overlap_agrees_with_trying_every_path(one: str, other: str) -> None:
    first, second = tuple(one.split("/")), tuple(other.split("/"))
    # Patterns of two segments of two characters overlap within these paths, if at all.
    tried = (path for path in PATHS if fits(path, first) and fits(path, second))
    assert overlap(one, other) == (next(tried, None) is not None)


@given(PATTERNS, st.sampled_from(PATHS))
def test_owns_agrees_with_the_reference_matcher(pattern: str, path: tuple[str, ...]) -> None:
    assert owns(pattern, "/".join(path)) == fits(path, tuple(pattern.split("/")))


@given(PATTERNS, PATTERNS)
def test_overlap_is_symmetric(one: str, other: str) -> None:
    assert overlap(one, other) == overlap(other, one)


@given(PATTERNS)
def test_every_pattern_overlaps_with_itself(pattern: str) -> None:
    assert overlap(pattern, pattern)


@pytest.mark.parametrize(
    ("one", "other", "is_shared"),
    [
        ("src/api", "src/api/users.py", True),
        ("src/api/", "./src//api/users.py", True),
        ("src/api", "src/apis", False),
        ("src/*.py", "src/deep/one.py", False),
        ("src/*", "src/deep/one.py", True),
        ("src/**", "src", True),
        ("**/test_*.py", "src/a/test_b.py", True),
        ("src/**/a.py", "lib/b.py", False),
        ("docs/*.md", "docs/read?e.*", True),
        ("a/*/c", "*/b/*", True),
    ],
)
def test_overlap_of_typical_patterns(one: str, other: str, is_shared: bool) -> None:
    assert overlap(one, other) is is_shared


@pytest.mark.parametrize("unit", ["a", "*", "?", "a*", "a/", "**/", "*/"])
def test_patterns_of_any_length_are_compared(unit: str) -> None:
    assert overlap(unit * 600, unit * 600)
