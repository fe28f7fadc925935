"""Read simple YAML headers without the YAML library: names with a text, a number, or a list of these.

The library takes longer to load than a hundred prompts take to read. Other headers are left to the
library; headers read here give the same result as the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Scalar: TypeAlias = str | int
Value: TypeAlias = Scalar | list[Scalar] | None

RESERVED = frozenset({"yes", "no", "y", "n", "true", "false", "on", "off", "null", ".inf", ".nan"})
"""Words that some YAML parsers read as a boolean, null or number."""

LONGEST_NAME = 128
MOST_DIGITS = 18
MARKS_IN_LISTS = frozenset(",[]{}?'\"")
"""Characters that may end a text or start another value within brackets."""


class Declined(Exception):
    """The header is not simple."""


def read(lines: Sequence[str]) -> dict[str, Value] | None:
    """Return the header in the lines; None if it is not simple."""
    # Not printable: tabs, other line ends, and characters that YAML parsers disagree about.
    if not "".join(lines).isprintable():
        return None
    try:
        return _header(lines)
    except Declined:
        return None


def _header(lines: Sequence[str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    items: list[Scalar] = []
    name, indent = "", -1
    for line in lines:
        text = line.strip(" ")
        if not text or text[0] == "#":
            continue
        depth = len(line) - len(line.lstrip(" "))
        if text[:2] == "- ":
            # A list below a name without a value; all items have the same
            # indentation.
            if not name or indent not in (-1, depth):
                raise Declined
            indent = depth
            items.append(_scalar(text[2:].strip(" ")))
            found[name] = items
            continue
        name, value = _field(text, depth)
        if name in found:
            raise Declined
        found[name] = _value(value) if value else None
        name, indent, items = "" if value else name, -1, []
    return found


def _field(text: str, depth: int) -> tuple[str, str]:
    """Return the name on the line and its value."""
    name, colon, value = text.partition(":")
    is_name = name.isascii() and name.replace("-", "_").isidentifier() and name[0] != "-"
    is_apart = bool(colon) and value[:1] in ("", " ")
    if depth or not (is_name and is_apart) or len(name) > LONGEST_NAME or name.lower() in RESERVED:
        raise Declined
    return name, value.strip(" ")


def _value(text: str) -> Value:
    if text[0] != "[":
        return _scalar(text)
    if text[-1] != "]":
        raise Declined
    inner = text[1:-1].strip(" ")
    return [_item(part.strip(" ")) for part in inner.split(",")] if inner else []


def _item(text: str) -> Scalar:
    """Return an item within brackets, which has no comma even in quotes."""
    if text[:1] not in ("'", '"') and not MARKS_IN_LISTS.isdisjoint(text):
        raise Declined
    return _scalar(text)


def _scalar(text: str) -> Scalar:
    first = text[:1]
    if first in ("'", '"'):
        inner = text[1:-1]
        if len(text) < 2 or text[-1] != first or first in inner or "\\" in inner:
            raise Declined
        return inner
    if text.isascii() and text.isdigit():
        if len(text) > MOST_DIGITS or (first == "0" and text != "0"):
            raise Declined
        return int(text)
    head = text.lstrip("./")[:1]
    if (
        not (head.isalpha() or head == "_")
        or ":" in text
        or "#" in text
        or text.lower() in RESERVED
    ):
        raise Declined
    return text
