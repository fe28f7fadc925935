"""The YAML header of a Markdown file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from specify_cli.errors import StateUnreadable

FENCE = "---"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(text: str, path: Path) -> dict[str, Any]:
    """The header as an object; empty where the file has none.

    Raises: StateUnreadable naming file and line.
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != FENCE:
        return {}
    end = next((n for n, line in enumerate(lines[1:], start=1) if line.strip() == FENCE), None)
    if end is None:
        raise _damaged(path, 1, "the front matter has no closing '---'")
    try:
        header = yaml.load("\n".join(lines[1:end]), Loader=_Loader)  # noqa: S506  a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        raise _damaged(path, line, getattr(error, "problem", None) or str(error)) from error
    if header is None:
        return {}
    if not isinstance(header, dict):
        raise _damaged(path, 2, "the front matter is not a list of 'name: value' lines")
    return header


def render(header: dict[str, Any]) -> str:
    """The header as the text that a Markdown file begins with."""
    body = yaml.safe_dump(header, sort_keys=False, allow_unicode=True, default_flow_style=None)
    return f"{FENCE}\n{body}{FENCE}\n"


def _damaged(path: Path, line: int, complaint: str) -> StateUnreadable:
    return StateUnreadable(
        f"{path}, line {line}: {complaint}; correct it by hand", file=str(path), line=line
    )
