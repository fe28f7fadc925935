"""Parse and write YAML with the library; imported only for headers that are not simple, because it
loads slowly.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

BREAKS = "\x85\u2028\u2029\ufeff"
"""Characters that some YAML parsers drop or treat as line ends: written escaped."""

DEEPEST = 50
"""The most nested lists and mappings. The parsers' own limits do not help: the one in Python has the
interpreter's, libyaml 0.2.6 its own, and older ones have none and overflow the stack.
"""

_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _NamesTheLine:
    """Report every unreadable value as an error with its position."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002  as in the base
        try:
            return super().construct_object(node, deep)  # type: ignore[misc]
        except (ArithmeticError, AttributeError, LookupError, ValueError) as error:
            # Constructors fail on a date with 13 months, or a number without digits.
            kind = node.tag.rpartition(":")[2]
            complaint = f"{str(node.value)[:60]!r} is not a valid {kind}"
            raise _fault_at(node.start_mark, complaint) from error


class _Loader(_NamesTheLine, _SafeLoader):  # type: ignore[misc]  # either of the two
    """The safe loader of libyaml, or the one in Python if PyYAML has no other."""


class NotYaml(ValueError):
    """The text cannot be parsed; `line` counts from 0."""

    def __init__(self, line: int, complaint: str) -> None:
        super().__init__(complaint)
        self.line = line


def load(body: str) -> Any:
    """Parse the text.

    Raises:
        NotYaml: it cannot be parsed; names the line.
    """
    try:
        _check_depth(body)
        return yaml.load(body, Loader=_Loader)  # noqa: S506  a safe loader
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        offset, complaint = _explained(error, body)
        raise NotYaml(body.count("\n", 0, offset), complaint) from error


def dump(header: dict[str, Any]) -> str:
    """Return the lines of the header, with lists in brackets."""
    plain = not any(mark in json.dumps(header, ensure_ascii=False) for mark in BREAKS)
    return str(
        yaml.safe_dump(header, sort_keys=False, allow_unicode=plain, default_flow_style=None)
    )


def _check_depth(body: str) -> None:
    """Refuse deep nesting before the header is composed, which is recursive."""
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
    """Return the offset of the error and its reason, the same for every version of the parser."""
    if isinstance(error, UnicodeEncodeError):
        return error.start, "a character that UTF-8 cannot encode"
    if isinstance(error, yaml.reader.ReaderError):
        # libyaml counts its position in bytes, so it cannot be used here.
        return body.index(chr(error.character)), f"unacceptable character U+{error.character:04X}"
    complaint = getattr(error, "problem", None) or str(error)
    problem, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    written = len(body.rstrip())
    if problem and problem.index < written:
        return problem.index, complaint
    # An unclosed value: versions differ about the end of the text, so use its start.
    return (min(context.index, written) if context else written), complaint
