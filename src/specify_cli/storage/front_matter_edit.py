"""Set fields in the front matter of a file; the rest of the file stays byte for byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import yaml

from specify_cli.errors import StateUnreadable
from specify_cli.patterns import pattern
from specify_cli.storage import front_matter
from specify_cli.storage.front_matter import FENCE

_LINE = pattern(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_BREAK = pattern(r"\r\n|\r|\n")


class NotEditable(ValueError):
    """The fields cannot be set in this form of front matter without changing others."""


class _Edit(NamedTuple):
    """Replace the text from `start` to `end`."""

    start: int
    end: int
    text: str


Fields = Mapping[str, Sequence[str] | str]


def with_fields(data: bytes, fields: Fields, path: Path) -> bytes:
    """Return the content of `path` with these fields in its front matter.

    Raises:
        NotEditable: the result would differ in other fields.
        StateUnreadable: the front matter is damaged.
    """
    text = data.decode("utf-8")
    byte_order_mark, text = text[: text.startswith("\ufeff")], text.removeprefix("\ufeff")
    expected = front_matter.parse(_normalized(text), path) | {
        x: y if isinstance(y, str) else list(y) for x, y in fields.items()
    }
    # A line after a block of text may change it: then insert the fields before the first key.
    for is_first in (False, True):
        edited = _edited(text, fields, is_first=is_first)
        with suppress(StateUnreadable):
            if front_matter.parse(_normalized(edited), path) == expected:
                return (byte_order_mark + edited).encode()
    raise NotEditable("another field would change")


def _edited(text: str, fields: Fields, *, is_first: bool) -> str:
    found = _BREAK.search(text)
    newline = found[0] if found else "\n"
    begin, end = _bounds(text)
    body = text[begin:end]
    for edit in sorted(_edits(body, fields, is_first=is_first), reverse=True):
        body = body[: edit.start] + edit.text.replace("\n", newline) + body[edit.end :]
    if begin:
        return text[:begin] + body + text[end:]
    return f"{FENCE}{newline}{body}{FENCE}{newline}{newline}{text}"


def _normalized(text: str) -> str:
    return _BREAK.sub("\n", text)


def _bounds(text: str) -> tuple[int, int]:
    """Return the start and end of the lines between the fences; 0 and 0 without front matter."""
    lines = _LINE.finditer(text)
    first = next(lines)
    if first[0].rstrip() != FENCE:
        return 0, 0
    return first.end(), next(line.start() for line in lines if line[0].rstrip() == FENCE)


def _edits(body: str, fields: Fields, *, is_first: bool) -> list[_Edit]:
    # Use the loader in Python: marks of some libyaml versions count differently.
    root = yaml.compose(body, Loader=yaml.SafeLoader)
    edits, lines = [], []
    for name, values in fields.items():
        line = _line(name, values)
        pairs = root.value if isinstance(root, yaml.MappingNode) else []
        found = [(key, value) for key, value in pairs if key.value == name]
        pair = found[-1] if found else None
        if pair:
            edits.append(_replacement(body, pair, line.partition(": ")[2]))
        else:
            lines.append(line)
    if lines:
        edits.append(_addition(body, root, lines, is_first=is_first))
    return edits


def _line(name: str, value: Sequence[str] | str) -> str:
    if not isinstance(value, str):
        return front_matter.dump({name: list(value)})
    # A text is quoted like an item of a list.
    _, _, listed = front_matter.dump({name: [value]}).rstrip("\n").partition(": ")
    return f"{name}: {listed[1:-1]}\n"


def _replacement(body: str, pair: tuple[yaml.Node, yaml.Node], line: str) -> _Edit:
    """Put the text of the line in place of the value, which may be empty, or a list of several lines."""
    key, value = pair
    start, end = value.start_mark.index, value.end_mark.index
    text = line.rstrip("\n")
    if start == end:
        return _Edit(start, end, f" {text}")
    if value.start_mark.line == key.start_mark.line and not body[start:end].endswith("\n"):
        return _Edit(start, end, text)
    return _Edit(key.end_mark.index, end, f": {text}\n")


def _addition(body: str, root: yaml.Node | None, lines: Sequence[str], *, is_first: bool) -> _Edit:
    """Insert the lines at the end or start of the mapping, or within its braces."""
    if isinstance(root, yaml.MappingNode) and root.flow_style:
        text = ", ".join(line.rstrip("\n") for line in lines)
        if not root.value:
            return _Edit(root.start_mark.index + 1, root.start_mark.index + 1, text)
        end = root.value[-1][1].end_mark.index
        return _Edit(end, end, f", {text}")
    indent = " " * root.start_mark.column if root else ""
    text = "".join(f"{indent}{part}" for line in lines for part in line.splitlines(keepends=True))
    place = root.start_mark.index - root.start_mark.column if root and is_first else len(body)
    return _Edit(place, place, text)
