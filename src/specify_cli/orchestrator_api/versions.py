"""Versions as the contract compares them."""

from __future__ import annotations

import re
from typing import TypeAlias

from specify_cli.patterns import pattern

Version: TypeAlias = tuple[int, int, int, bool]
"""Major, minor, patch, and whether it is a release: a pre-release comes before it."""

# Source: semver.org. Nine digits are plenty, and keep int() from refusing a very long number.
SEMVER = pattern(
    r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?",
    re.ASCII,
)

DOTTED = pattern(r"\d{1,9}(\.\d{1,9}){0,3}", re.ASCII)


def parse(text: str) -> Version | None:
    """The version that `text` names; None when it names none."""
    found = SEMVER.fullmatch(text)
    if found is None:
        return None
    return int(found[1]), int(found[2]), int(found[3]), found[4] is None


def is_older(one: str, other: str) -> bool:
    """True when `one` comes before `other`, or is not a version: one to four dotted numbers."""
    first, second = _numbers(one), _numbers(other)
    return first is None or second is None or first < second


def _numbers(text: str) -> tuple[int, ...] | None:
    """What the version counts by, its last part telling a release from what comes before it."""
    whole = parse(text)
    if whole is not None:
        return (*whole[:3], 0, whole[3])
    if DOTTED.fullmatch(text) is None:
        return None
    numbers = [int(number) for number in text.split(".")]
    return (*numbers, *[0] * (4 - len(numbers)), True)


def speaks(host: str, asked: str) -> bool:
    """True when a host of version `host` can answer a request written for `asked`."""
    ours, theirs = parse(host), parse(asked)
    if ours is None or theirs is None:
        return False
    return ours[0] == theirs[0] and theirs[1] <= ours[1]
