"""The steps of work packages, as checkboxes in prompts and in `tasks.md`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from specify_cli.core.package_references import MENTION
from specify_cli.patterns import pattern

HEADING = pattern(r"(#{1,6})\s(.*)")
CHECKBOX = pattern(r"\s*[-*+]\s+\[([ xX])\]\s+(.+)")
SUBTASK_ID = pattern(r"\W*(T[0-9]+)\b", re.ASCII)


def with_steps(text: str, ticks: Mapping[str, bool]) -> str:
    """Return the prompt with its checkboxes set as in `ticks`."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        box = CHECKBOX.fullmatch(line)
        tick = ticks.get(subtask_id(box[2])) if box else None
        if box and tick is not None:
            lines[number] = f"{line[: box.start(1)]}{'x' if tick else ' '}{line[box.end(1) :]}"
    return "\n".join(lines)


def subtask_id(text: str) -> str:
    """Return the id at the start of the text, else all of it."""
    found = SUBTASK_ID.match(text)
    return found[1] if found else text.strip()


def by_package(text: str) -> dict[int, dict[str, bool]]:
    """Return the checkboxes in `tasks.md` by the package number in the heading above them.

    A heading without an id ends the package, unless it is a lower level.
    """
    found: dict[int, dict[str, bool]] = {}
    current: dict[str, bool] = {}
    level = 0
    for line in text.splitlines():
        heading = HEADING.match(line)
        named = MENTION.search(heading[2]) if heading else None
        if heading and (named or len(heading[1]) <= level):
            current = found.setdefault(int(named[1]), {}) if named else {}
            level = len(heading[1])
        current.update(_checkbox(line))
    return found


def ticks_in(text: str) -> dict[str, bool]:
    """Return each subtask id, and whether its checkbox is ticked."""
    return {
        name: tick for line in text.splitlines() if "[" in line for name, tick in _checkbox(line)
    }


def titles_in(text: str) -> dict[str, str]:
    """Return each subtask id at a checkbox, and the text that follows it."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        box = CHECKBOX.fullmatch(line)
        named = SUBTASK_ID.match(box[2]) if box else None
        if box and named:
            found[named[1]] = box[2][named.end() :].lstrip(" \t*_`:.-").rstrip(" \t*_")
    return found


def _checkbox(line: str) -> Iterator[tuple[str, bool]]:
    box = CHECKBOX.fullmatch(line)
    if box:
        yield subtask_id(box[2]), box[1] != " "
