"""Proof, inside the one module that may start processes, that each of them is git."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.orchestrator_boundary.bindings import Bindings
from tests.architecture.orchestrator_boundary.values import values_of

RUNNERS = frozenset(
    f"subprocess.{name}" for name in ("Popen", "call", "check_call", "check_output", "run")
)
HARMLESS = frozenset(
    f"subprocess.{name}"
    for name in [
        "CalledProcessError",
        "CompletedProcess",
        "DEVNULL",
        "PIPE",
        "STDOUT",
        "SubprocessError",
        "TimeoutExpired",
    ]
)


def out_of_sight(tree: ast.Module, bindings: Bindings) -> Iterator[tuple[int, str]]:
    """Line and complaint for every use of subprocess that is passed on or starts a shell."""
    in_sight = set(map(id, _in_sight(tree)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and bindings.dotted(node.func) in RUNNERS:
            yield from _complaints_about_options(node)
        if isinstance(node, ast.Name | ast.Attribute) and _is_hidden(node, bindings, in_sight):
            name = bindings.dotted(node)
            yield node.lineno, f"'{name}' is used other than by calling it in sight"


def other_programs(tree: ast.Module, bindings: Bindings) -> Iterator[tuple[int, str]]:
    """Line and complaint for every use of subprocess whose program is not visibly git."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and bindings.dotted(node.func) in RUNNERS:
            yield from _complaints(node, tree)
    yield from out_of_sight(tree, bindings)


def _in_sight(tree: ast.Module) -> Iterator[ast.expr]:
    """Expressions that are called, or made a type of, like `Popen[bytes]`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=expression) | ast.Subscript(value=expression):
                yield expression


def _is_hidden(node: ast.Name | ast.Attribute, bindings: Bindings, in_sight: set[int]) -> bool:
    """Whether a member of subprocess is passed on, or is one that starts a shell."""
    name = bindings.dotted(node)
    if not name.startswith("subprocess.") or name.count(".") > 1 or name in HARMLESS:
        return False
    return name not in RUNNERS or id(node) not in in_sight


def _complaints(call: ast.Call, tree: ast.Module) -> Iterator[tuple[int, str]]:
    given = {word.arg: word.value for word in call.keywords}
    arguments = call.args[0] if call.args else given.get("args")
    if arguments is None or not _begins_with_git(arguments, tree):
        yield call.lineno, "a program that is not visibly 'git'"


def _complaints_about_options(call: ast.Call) -> Iterator[tuple[int, str]]:
    given = {word.arg: word.value for word in call.keywords}
    if None in given:
        yield call.lineno, "options that are not in sight"
    shell = given.get("shell", ast.Constant(value=False))
    if "executable" in given or not (isinstance(shell, ast.Constant) and shell.value is False):
        yield call.lineno, "a shell or another executable"


def _begins_with_git(
    expression: ast.expr | None, tree: ast.Module, seen: frozenset[str] = frozenset()
) -> bool:
    """Whether a list of arguments, or a name for one, has git in front wherever it comes from."""
    match expression:
        # The sandbox command precedes git; `processes.confining` checks where it comes from.
        case ast.Tuple(elts=[ast.Starred(value=value), first, *_]) if _is_prefix(value):
            return _is_git(first, tree, seen)
        case ast.List(elts=[first, *_]) | ast.Tuple(elts=[first, *_]):
            return _is_git(first, tree, seen)
        case ast.BinOp(op=ast.Add(), left=left):
            return _begins_with_git(left, tree, seen)
        case ast.Name(id=name):
            values = values_of(name, tree)
            return name in seen or (
                bool(values)
                and all(_begins_with_git(value, tree, seen | {name}) for value in values)
            )
    return False


def _is_prefix(expression: ast.expr) -> bool:
    return ast.unparse(expression) == "self.prefix"


def _is_git(expression: ast.expr, tree: ast.Module, seen: frozenset[str]) -> bool:
    match expression:
        case ast.Constant(value="git"):
            return True
        case ast.Name(id=name):
            values = values_of(name, tree)
            return bool(values) and all(
                isinstance(value, ast.Constant) and value.value == "git" for value in values
            )
        case ast.Starred(value=ast.Name() as value):
            return _begins_with_git(value, tree, seen)
    return False
