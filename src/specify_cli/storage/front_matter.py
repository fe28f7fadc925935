"""The YAML header of a Markdown file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from specify_cli.errors import StateUnreadable

FENCE = "---"
BREAKS = "\x85\u2028\u2029\ufeff"
"""Characters that end a line, or vanish, for some readers of YAML: written escaped."""

FAULTS = (yaml.YAMLError, ArithmeticError, AttributeError, LookupError, RecursionError, ValueError)
"""What the parser raises: beside its own errors, whatever its constructors stumble over."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(text: str, path: Path) -> dict[str, Any]:
    """The header as an object; empty where the file has none.

    Raises: StateUnreadable naming file and line.
    """
    # Not splitlines: a title may hold one of the characters that it takes for ends of lines.
    lines = text.split("\n")
    if lines[0].rstrip() != FENCE:
        return {}
    end = next((n for n, line in enumerate(lines[1:], start=1) if line.rstrip() == FENCE), None)
    if end is None:
        raise _damaged(path, 1, "the front matter has no closing '---'")
    try:
        header = yaml.load("\n".join(lines[1:end]), Loader=_Loader)  # noqa: S506  a safe loader
    except FAULTS as error:
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
    plain = not any(mark in json.dumps(header, ensure_ascii=False) for mark in BREAKS)
    body = yaml.safe_dump(header, sort_keys=False, allow_unicode=plain, default_flow_style=None)
    return f"{FENCE}\n{body}{FENCE}\n"


def _damaged(path: Path, line: int, complaint: str) -> StateUnreadable:
    return StateUnreadable(
        f"{path}, line {line}: {complaint}; correct it by hand", file=str(path), line=line
    )
