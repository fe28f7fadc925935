"""Which fields the code gives to which refusal, read from its source."""

from __future__ import annotations

import ast
import inspect
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import specify_cli
from specify_cli import errors

SOURCE = Path(specify_cli.__file__).parent
CODES = {
    name: kind.code
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, errors.SpecKittyError)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """Code to the names of its fields, and the guards and reason codes that are named by a literal."""

    details: dict[str, set[str]]
    guards: set[str]
    reason_codes: set[str]


def refusals_in_code(source: Path = SOURCE) -> Refusals:
    """Read the refusals of the modules below `source`."""
    trees = {path.stem: ast.parse(path.read_text("utf-8")) for path in source.rglob("*.py")}
    forwarding = dict(pair for name, tree in trees.items() for pair in _forwarding(name, tree))
    details: dict[str, set[str]] = defaultdict(set)
    guards: set[str] = set()
    reason_codes: set[str] = set()
    for name, tree in trees.items():
        for call in _calls(tree):
            called = _called(call)
            kind = called.removeprefix("errors.")
            code = CODES.get(kind) or forwarding.get(called) or forwarding.get(f"{name}.{called}")
            if code:
                details[code] |= {word.arg for word in call.keywords if word.arg}
            guards |= set(_literals(call, "guard"))
            reason_codes |= set(_literals(call, "reason_code", "code"))
    return Refusals(details=dict(details), guards=guards, reason_codes=reason_codes)


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> str:
    """`name` or `module.name`, as written in the source."""
    if isinstance(call.func, ast.Name):
        return call.func.id
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        return f"{call.func.value.id}.{call.func.attr}"
    return ""


def _forwarding(module: str, tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Functions that pass their own keywords on to a refusal, and its code."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.args.kwarg:
            for call in _calls(function):
                hands_on = any(word.arg is None for word in call.keywords)
                if hands_on and _called(call) in CODES:
                    yield f"{module}.{function.name}", CODES[_called(call)]


def _literals(call: ast.Call, *keywords: str) -> Iterator[str]:
    for word in call.keywords:
        if word.arg in keywords and isinstance(word.value, ast.Constant):
            yield str(word.value.value)
