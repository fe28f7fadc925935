"""Where the value of a name comes from, within one module."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_KEEPING_THE_FRONT = frozenset({"append", "count", "extend", "index"})


def values_of(name: str, tree: ast.Module) -> list[ast.expr | None]:
    """Everything that is ever bound to a name in the module; None if that cannot be determined."""
    values = [*_assigned(name, tree), *_handed_in(name, tree)]
    return [*values, None] if _is_changed(name, tree) else values


def _assigned(name: str, tree: ast.Module) -> list[ast.expr | None]:
    values: list[ast.expr | None] = []
    stores = 0
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                values.append(value)
            case ast.AnnAssign(target=ast.Name(id=bound), value=value) if bound == name:
                values.append(value)
            case ast.AugAssign(target=ast.Name(id=bound), op=ast.Add()) if bound == name:
                stores -= 1  # Items are only appended.
            case ast.Name(id=bound, ctx=ast.Store()) if bound == name:
                stores += 1
    return values if stores == len(values) else [*values, None]


def _handed_in(name: str, tree: ast.Module) -> Iterator[ast.expr | None]:
    """What callers pass for a parameter of this name; known for the module's private functions."""
    in_sight: list[ast.arg] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            parameters = [*node.args.posonlyargs, *node.args.args]
            for position, parameter in enumerate(parameters):
                if parameter.arg == name:
                    in_sight.append(parameter)
                    yield from _passed(node.name, position, tree)
    for other in ast.walk(tree):
        if isinstance(other, ast.arg) and other.arg == name and other not in in_sight:
            yield None


def _passed(function: str, position: int, tree: ast.Module) -> Iterator[ast.expr | None]:
    mentions = [
        node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == function
    ]
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.func in mentions
    ]
    for call in calls:
        yield call.args[position] if position < len(call.args) else None
    if not function.startswith("_") or len(mentions) != len(calls):
        yield None


def _is_changed(name: str, tree: ast.Module) -> bool:
    """Whether the first item of the list behind a name is changed."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Name(id=bound), ctx=ast.Store()) if bound == name:
                return True
            case ast.Attribute(value=ast.Name(id=bound), attr=attr) if bound == name:
                if attr not in _KEEPING_THE_FRONT:
                    return True
    return False
