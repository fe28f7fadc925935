"""Registered commands and entry points that are named like an orchestrator."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.architecture.orchestrator_boundary.names import is_the_verb, names_an_orchestrator
from tests.architecture.orchestrator_boundary.violation import Violation

WHY = "the host has no orchestrate command, not even a shim"

_REGISTERING = re.compile(r"(add_)?(command|group|parser|typer|alias)|(Multi)?(Command|Group)")
_DECORATING = frozenset({"command", "group"})
_MODULE = re.compile(r"[A-Za-z_]\w*([.:][A-Za-z_]\w*)+")
_CLICK_SUFFIX = re.compile(r"_(command|cmd|group|grp)$")


def entry_points(root: Path) -> Iterator[Violation]:
    """Console scripts and plugins of `pyproject.toml` that name an orchestrator."""
    path = root / "pyproject.toml"
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8")
    for name, target in _declared(tomllib.loads(text).get("project", {})):
        if any(names_an_orchestrator(part) for part in [name, *re.split(r"[.:]", target)]):
            yield Violation(
                path.name, _line_of(text, name), f"entry point '{name} = {target}'", WHY
            )


def _declared(project: dict[str, Any]) -> Iterator[tuple[str, str]]:
    plugins = project.get("entry-points", {}).values()
    for table in (project.get("scripts", {}), project.get("gui-scripts", {}), *plugins):
        yield from table.items()


def _line_of(text: str, name: str) -> int:
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if name in line), 1)


def in_module(tree: ast.Module, path: str) -> Iterator[Violation]:
    """Commands that a module registers, and texts in it that are the removed command."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr | ast.stmt):
            continue
        for name in filter(names_an_orchestrator, _registered(node)):
            yield Violation(path, node.lineno, f"a command named '{name}'", WHY)
        if isinstance(node, ast.expr) and is_the_verb(_text(node)):
            yield Violation(path, node.lineno, f"the text '{_text(node)}'", WHY)


def _registered(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() if any(
            map(_decorates, node.decorator_list)
        ):
            yield _CLICK_SUFFIX.sub("", node.name)
        case ast.Call(func=func) if _REGISTERING.fullmatch(_last_name(func)):
            yield from _names_given(node)
        case ast.Dict():
            yield from _lazily_loaded(node)


def _decorates(decorator: ast.expr) -> bool:
    """Whether the decorator makes a command of a function without naming it."""
    if isinstance(decorator, ast.Call):
        named = bool(decorator.args) or any(word.arg == "name" for word in decorator.keywords)
        return not named and _last_name(decorator.func) in _DECORATING
    return _last_name(decorator) in _DECORATING


def _last_name(expression: ast.expr) -> str:
    match expression:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _names_given(call: ast.Call) -> Iterator[str]:
    """Texts at the places where a call names commands: plain ones, `name=`, `aliases=`, .."""
    naming = ("name", "aliases", "alias", "commands")
    given = [*call.args[:2], *(word.value for word in call.keywords if word.arg in naming)]
    for expression in given:
        elements = [expression]
        match expression:
            case ast.List(elts=found) | ast.Tuple(elts=found) | ast.Set(elts=found):
                elements = list(found)
            case ast.Dict(keys=keys):
                elements = [key for key in keys if key is not None]
        yield from filter(None, map(_text, elements))


def _lazily_loaded(table: ast.Dict) -> Iterator[str]:
    """Keys of a table from names to modules: what a lazy group loads."""
    for key, value in zip(table.keys, table.values, strict=True):
        targets = value.elts if isinstance(value, ast.Tuple) else [value]
        if key is not None and any(_MODULE.fullmatch(_text(target)) for target in targets):
            yield _text(key)


def _text(expression: ast.expr) -> str:
    match expression:
        case ast.Constant(value=str(text)):
            return text
    return ""
