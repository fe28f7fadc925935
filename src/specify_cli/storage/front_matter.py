"""The YAML header of a Markdown file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from specify_cli.errors import StateUnreadable
from specify_cli.patterns import pattern
from specify_cli.storage import simple_yaml

FENCE = "---"

KEY = pattern(r"['\"]?([A-Za-z_][\w-]*)['\"]?\s*:")
"""The start of a line with a field."""


def parse(text: str, path: Path) -> dict[str, Any]:
    """Return the header as an object; empty if the file has none.

    Raises:
        StateUnreadable: it is damaged; names file and line.
    """
    # Not splitlines: a title may contain other characters that it splits at.
    lines = text.split("\n")
    if lines[0].rstrip() != FENCE:
        return {}
    end = next((n for n, line in enumerate(lines[1:], start=1) if line.rstrip() == FENCE), None)
    if end is None:
        raise _damaged(path, 1, "the front matter has no closing '---'")
    plain = simple_yaml.read(lines[1:end])
    if plain is not None:
        return plain
    header = _loaded("\n".join(lines[1:end]), path)
    if header is None:
        return {}
    if not isinstance(header, dict):
        raise _damaged(path, 2, "the front matter is not a list of 'name: value' lines")
    return header


def line_of(text: str, name: str) -> int | None:
    """Return the number of the line with the field; None if there is none."""
    for number, line in enumerate(text.split("\n"), start=1):
        key = KEY.match(line)
        if key and key[1] == name:
            return number
    return None


def render(header: dict[str, Any]) -> str:
    """Return the header as the start of a Markdown file."""
    return f"{FENCE}\n{dump(header)}{FENCE}\n"


def dump(header: dict[str, Any]) -> str:
    """Return the lines of the header, with lists in brackets."""
    from specify_cli.storage import yaml_text

    return yaml_text.dump(header)


def _loaded(body: str, path: Path) -> Any:
    """Parse the header with the YAML library, imported here because most headers are simple."""
    from specify_cli.storage import yaml_text

    try:
        return yaml_text.load(body)
    except yaml_text.NotYaml as error:
        raise _damaged(path, 2 + error.line, str(error)) from error


def _damaged(path: Path, line: int, complaint: str) -> StateUnreadable:
    return StateUnreadable.in_line(path, line, f"{complaint}; correct it by hand")
