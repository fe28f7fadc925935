"""The YAML header of a Markdown file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from specify_cli.errors import StateUnreadable

FENCE = "---"
BREAKS = "\x85\u2028\u2029\ufeff"
"""Characters that end a line, or vanish, for some readers of YAML: written escaped."""

DEEPEST = 50
"""Lists and mappings inside each other. The limit of the parser will not do: the one in Python has
the interpreter's, libyaml 0.2.6 its own, and older ones have none and overflow the stack."""

KEY = re.compile(r"['\"]?([A-Za-z_][\w-]*)['\"]?\s*:")
"""The beginning of a line that has a field."""

_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _NamesTheLine:
    """Make every value that cannot be read an error with its position."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002  as in the base
        try:
            return super().construct_object(node, deep)  # type: ignore[misc]
        except (ArithmeticError, AttributeError, LookupError, ValueError) as error:
            # What the constructors stumble over: a date with 13 months, a number without digits.
            kind = node.tag.rpartition(":")[2]
            complaint = f"{str(node.value)[:60]!r} is not a valid {kind}"
            raise _fault_at(node.start_mark, complaint) from error


class _Loader(_NamesTheLine, _SafeLoader):  # type: ignore[misc]  # either of the two
    """The safe loader of libyaml, or the one in Python where PyYAML has no other."""


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
    body = "\n".join(lines[1:end])
    try:
        _check_depth(body)
        header = yaml.load(body, Loader=_Loader)  # noqa: S506  a safe loader
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        offset, complaint = _explained(error, body)
        raise _damaged(path, 2 + body.count("\n", 0, offset), complaint) from error
    if header is None:
        return {}
    if not isinstance(header, dict):
        raise _damaged(path, 2, "the front matter is not a list of 'name: value' lines")
    return header


def line_of(text: str, name: str) -> int | None:
    """The line that the field begins on; None where no line begins with it."""
    for number, line in enumerate(text.split("\n"), start=1):
        key = KEY.match(line)
        if key and key[1] == name:
            return number
    return None


def render(header: dict[str, Any]) -> str:
    """The header as the text that a Markdown file begins with."""
    return f"{FENCE}\n{dump(header)}{FENCE}\n"


def dump(header: dict[str, Any]) -> str:
    """The lines of the header, lists in brackets."""
    plain = not any(mark in json.dumps(header, ensure_ascii=False) for mark in BREAKS)
    return str(
        yaml.safe_dump(header, sort_keys=False, allow_unicode=plain, default_flow_style=None)
    )


def _check_depth(body: str) -> None:
    """Refuse nesting before the header is composed, which is recursive."""
    depth = 0
    for event in yaml.parse(body, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            complaint = f"lists and mappings are nested more than {DEEPEST} deep"
            raise _fault_at(event.start_mark, complaint)


def _fault_at(mark: Any, complaint: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=complaint, problem_mark=mark)


def _explained(error: Exception, body: str) -> tuple[int, str]:
    """Where a person has to look, and why, alike for every version of the parser."""
    if isinstance(error, UnicodeEncodeError):
        return error.start, "a character that UTF-8 cannot encode"
    if isinstance(error, yaml.reader.ReaderError):
        # Its position is no help: libyaml counts bytes.
        return body.index(chr(error.character)), f"unacceptable character U+{error.character:04X}"
    complaint = getattr(error, "problem", None) or str(error)
    problem, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    written = len(body.rstrip())
    if problem and problem.index < written:
        return problem.index, complaint
    # Something is not closed: versions differ about where the text ends. What helps is the beginning.
    return (min(context.index, written) if context else written), complaint


def _damaged(path: Path, line: int, complaint: str) -> StateUnreadable:
    return StateUnreadable(
        f"{path}, line {line}: {complaint}; correct it by hand", file=str(path), line=line
    )
