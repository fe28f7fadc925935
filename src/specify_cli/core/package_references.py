"""Parser for references to work packages in prose and lists: `WP01, wp2 and WP04..WP06 (the model first)`."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from specify_cli.patterns import pattern

_ID = r"(?:WP|Work[ -]Package)[ _-]?[0-9]{1,9}(?!\w)"
_BETWEEN = r"[\s*_`]*(?:,?\s*(?:and\b|&)|[,;+/\u2013-]|\.{2,3}|to\b|through\b)[\s*_`]*"
PACKAGE_LIST = rf"{_ID}(?:{_BETWEEN}{_ID})*"
"""A list or range of packages; case is ignored."""

MENTION = pattern(r"(?<![\w/])(?:WP|Work[ -]Package)[ _-]?([0-9]{1,9})(?!\w)", re.I | re.A)
"""A package id in a text."""

NOTHING = pattern(
    r"(?:none|nothing|nil|null|n/?a|no|-+|\u2013|\u2014|\u2205|\[\s*\])(?![\w/])", re.I | re.A
)
"""Spellings of an empty list."""

PARALLEL = pattern(r"parallel|independent|alongside|concurrent", re.I)
"""A remark about the order of work. It may name packages that are not dependencies."""

_PREFIX = pattern(r"(?:depend(?:s|ent)? (?:up)?on|requires|needs|blocked by|after)[:\s]+", re.I)
_JOIN = pattern(r"\s*(?:,?\s*\band\b|,?\s*&|[,;+/])?\s*(?=WP|Work)", re.I | re.A)
_RANGE = pattern(
    r"\s*(?:-|\u2013|\u2014|\u2026|\.{2,3}|\bto\b|\bthrough\b)\s*"
    r"(?:(?:WP|Work[ -]Package)[ _-]?)?([0-9]{1,9})(?!\w)",
    re.I | re.A,
)
_REMARK = pattern(
    r"\s*(?:$|[(\u2013\u2014:;.]|-\s|,?\s*\b(?:for|because|since|as|so|which|whose|from|in|must|is|are"
    r"|has|have|to|complete[d]?|done|merged|approved|first|only)\b)",
    re.I | re.A,
)
_LINK = pattern(r"\[([^\]\[]*)\]\([^()]*\)")
_MARKUP = pattern(r"[*`\"']+")


class NotUnderstood(ValueError):
    """A text is not a list of packages. The message completes a sentence about the text."""


class References(NamedTuple):
    """The packages in a list, as first and last id of each range; no ranges for "none"."""

    ranges: tuple[tuple[str, str], ...] = ()
    has_remark: bool = False

    def resolved(self, known: Collection[str]) -> tuple[str, ...]:
        """Return the ids of `known` that are referenced, without duplicates.

        Raises:
            NotUnderstood: An id is unknown or matches several packages.
        """
        found: dict[str, None] = {}
        for first, last in self.ranges:
            ends = resolved(first, known), resolved(last, known)
            low, high = (number_of(end) for end in ends)
            if low > high:
                raise NotUnderstood(f"the range from {first} to {last} ends before it begins")
            found.update(dict.fromkeys(ends[:1]))
            if high - low > 1:
                found.update(dict.fromkeys(x for x in sorted(known) if low < number_of(x) < high))
            found.update(dict.fromkeys(ends[1:]))
        return tuple(found)


def read_references(text: str) -> References:
    """Parse a list of packages. It may hold ids, ranges and remarks.

    Raises:
        NotUnderstood: The list holds something else, or a remark names a package that is not in the
            list, which is ambiguous.
    """
    plain = plain_text(text)
    nothing = NOTHING.match(plain)
    if not plain or nothing:
        rest = plain[nothing.end() :] if nothing else ""
        _require_harmless(rest, named=())
        return References(has_remark=bool(rest.strip(" .")))
    ranges, rest = _ranges(_PREFIX.sub("", plain, count=1) if _PREFIX.match(plain) else plain)
    if not ranges:
        raise NotUnderstood("is neither 'none' nor a list of packages such as WP01, WP02")
    if not _REMARK.match(rest):
        raise NotUnderstood(f"continues with {rest.strip()[:40]!r} after the packages")
    _require_harmless(rest, named=[name for pair in ranges for name in pair])
    return References(ranges=tuple(ranges), has_remark=bool(rest.strip(" .;")))


def mentions(text: str) -> list[str]:
    """Return the ids of all packages in a text, in order, without duplicates."""
    return list(dict.fromkeys(f"WP{number:0>2}" for number in MENTION.findall(text)))


def plain_text(text: str) -> str:
    """Remove emphasis, quotes, links, and brackets around the whole text."""
    plain = _MARKUP.sub("", _LINK.sub(r"\1", text)).strip()
    is_list = plain.startswith("[") and plain.endswith("]")
    return plain[1:-1].strip() or "none" if is_list else plain


def number_of(wp_id: str) -> int:
    """Return the number in the id of a package."""
    return int(wp_id[2:])


def resolved(name: str, known: Collection[str]) -> str:
    """Return the id of `known` that equals `name`, else the only one with its number.

    Raises:
        NotUnderstood: There is none, or there are several.
    """
    if name in known:
        return name
    fitting = sorted(x for x in known if number_of(x) == number_of(name))
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join(fitting or sorted(known)) or "none"
    if fitting:
        raise NotUnderstood(f"{name} could be any of {listed}")
    raise NotUnderstood(f"{name} is not a package of this mission; its packages: {listed}")


def _ranges(text: str) -> tuple[list[tuple[str, str]], str]:
    """Parse the ids at the beginning of the text; return them and the rest of the text."""
    found: list[tuple[str, str]] = []
    position = 0
    while one := MENTION.match(text, position):
        position = one.end()
        last = _RANGE.match(text, position)
        found.append((f"WP{one[1]}", f"WP{(last or one)[1]}"))
        position = last.end() if last else position
        joined = _JOIN.match(text, position)
        if not (joined and MENTION.match(text, joined.end())):
            break
        position = joined.end()
    return found, text[position:]


def _require_harmless(remark: str, *, named: Collection[str]) -> None:
    numbers = {number_of(name) for name in named}
    others = [x for x in mentions(remark) if number_of(x) not in numbers]
    if others and not PARALLEL.search(remark):
        raise NotUnderstood(f"names {others[0]} in a remark, not in the list")
