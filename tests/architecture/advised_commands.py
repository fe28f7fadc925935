"""The commands that messages advise, found in the texts of the sources."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import specify_cli

SOURCES = Path(specify_cli.__file__).parents[1]
TABLE = Path(__file__).with_suffix(".toml")

COMMAND = re.compile(r"(?:spec-kitty|git|mv|cp|rm|mkdir) [a-z{][^'`;:]*")
"""Anything that may be a command."""

VALUE = "{}"
"""The placeholder for a value in a command."""

_ADVISED = re.compile(
    r"(?:^|['`(]|: |\brun |&& |; |\} )"
    r"((?:spec-kitty|git|mv|rm|mkdir|chmod|kill|cd|echo) (?:[a-z{-]|\")[^'`;:]*)"
)
"""A command that a message advises: quoted, alone in its text, or after a colon."""
_PROSE = re.compile(
    r"git (?:is|does|has|cannot|could|refuses|treats|would|will|says|prints|sets|push ended|process|in the|config can|fetch project reads|repository)\b"
    r"|spec-kitty (?:works\b|is\b|reads\b|\{\}, process)"
)
_UNNAMED = re.compile(r"(?:git|spec-kitty)?(?: ?\{\})+")
"""A command that consists of values only; its words are found in another text."""
_WORDS = re.compile(r"[a-z][a-z -]+ \{wp\}[^\n]*")
"""The words of a command in `cli.advice`, before the values are filled in."""
_FIELD = re.compile(r"\{[a-z_]+\}")
_NEXT = "next"
"""The method of `cli.prompting.Chosen` that makes a command of words."""
_USAGE = ("example", "help", "short_help", "metavar")


def advised(source: str) -> Iterator[str]:
    """The commands that the texts of a module advise, each value as `{}`; not docstrings and help."""
    for node in _texts(ast.parse(source)):
        if isinstance(node, ast.Call):
            command = f"spec-kitty {_text_of(node.args[0])}"
            if not _UNNAMED.fullmatch(command):
                yield command
            continue
        text = _text_of(node)
        if _WORDS.fullmatch(text):
            yield f"spec-kitty {_FIELD.sub(VALUE, text)}"
        for found in _ADVISED.findall(text):
            command = " ".join(found.rstrip(" ,.)(").split())
            if not _PROSE.match(command) and not _UNNAMED.fullmatch(command):
                yield command


def mentioned(source: str) -> Iterator[str]:
    """Everything in the texts of a module that may be a command, each value as `x`."""
    for node in _texts(ast.parse(source)) if COMMAND.search(source) else ():
        if not isinstance(node, ast.Call):
            yield from COMMAND.findall(_text_of(node).replace(VALUE, "x"))


def by_module() -> dict[str, set[str]]:
    """The commands that are advised, by module."""
    found = {
        str(path.relative_to(SOURCES)).removeprefix("specify_cli/"): set(advised(path.read_text()))
        for path in sorted(SOURCES.rglob("*.py"))
    }
    return {name: commands for name, commands in found.items() if commands}


def table() -> dict[str, dict[str, str]]:
    """By module and command, the test that pastes it, or the reason why none does."""
    content: dict[str, dict[str, str]] = tomllib.loads(TABLE.read_text())
    return content


def _texts(tree: ast.Module) -> Iterator[ast.AST]:
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        if isinstance(node, ast.keyword) and node.arg in _USAGE:
            skipped.update(ast.walk(node.value))
        if isinstance(node, ast.JoinedStr):
            skipped.update(node.values)
        if _is_next(node):
            yield node
            skipped.update(ast.walk(node.args[0]))  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if node not in skipped and isinstance(node, ast.Constant | ast.JoinedStr):
            yield node


def _is_next(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == _NEXT
        and bool(node.args)
        and isinstance(node.args[0], ast.Constant | ast.JoinedStr)
    )


def _text_of(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    parts = node.values if isinstance(node, ast.JoinedStr) else []
    return "".join(_text_of(it) if isinstance(it, ast.Constant) else VALUE for it in parts)
