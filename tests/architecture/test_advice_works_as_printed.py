"""A command that a message advises has real values, not words for them: it works when it is pasted."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import specify_cli

SOURCES = sorted(Path(specify_cli.__file__).parents[1].rglob("*.py"))
COMMAND = re.compile(r"(?:spec-kitty|git|mv|cp|rm|mkdir) [a-z{][^'`;:]*")
PLACEHOLDER = re.compile(
    r"<[a-z][a-z _-]*>|(?<=[ /])(?!HEAD\b|WP[0-9]|T[0-9]{3}|CC0\b)[A-Z][A-Z_]+\b"
)
USAGE = ("example", "help", "short_help", "metavar")


def advised(source: str) -> Iterator[str]:
    """The commands in the texts of a module, the values in them as `x`, without docstrings and help."""
    if not COMMAND.search(source):
        return
    tree = ast.parse(source)
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        if isinstance(node, ast.keyword) and node.arg in USAGE:
            skipped.update(ast.walk(node.value))
        if isinstance(node, ast.JoinedStr):
            skipped.update(node.values)
    for node in ast.walk(tree):
        if node not in skipped and (text := text_of(node)):
            yield from COMMAND.findall(text)


def text_of(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    parts = node.values if isinstance(node, ast.JoinedStr) else []
    return "".join(text_of(it) if isinstance(it, ast.Constant) else "x" for it in parts)


@pytest.mark.parametrize(
    "text",
    [
        "f\"tick them with 'spec-kitty tasks mark {wp} --mission MISSION'\"",
        "\"run 'git branch a <commit>'\"",
    ],
)
def test_a_placeholder_is_found(text: str) -> None:
    assert [it for it in advised(f"x = {text}") if PLACEHOLDER.search(it)]


def test_no_advice_has_a_placeholder() -> None:
    found = [
        f"{path.name}: {command}"
        for path in SOURCES
        for command in advised(path.read_text())
        if PLACEHOLDER.search(command)
    ]
    assert not found
