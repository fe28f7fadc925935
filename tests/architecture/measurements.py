"""Measure the style of a Python tree: sizes, private functions used once, comments and docstrings.

Example: python -m tests.architecture.measurements src/specify_cli
"""

from __future__ import annotations

import ast
import io
import statistics
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Measurements(NamedTuple):
    """Lines are lines of source; shares are between 0 and 1."""

    files: int
    lines: int
    median_file: int
    largest_file: int
    median_function: int
    ninth_decile_function: int
    longest_function: int
    functions_per_1000_lines: float
    private_used_once: float
    comment_lines: float
    docstring_lines: float


def measure(root: Path) -> Measurements:
    """The measurements of all modules below `root`.

    The length of a function is that of its body without the docstring. The share of private functions that are used
    once is of all functions; a use is a place in the function's module that names it.
    """
    modules = [path for path in sorted(root.rglob("*.py")) if "__pycache__" not in path.parts]
    sources = [path.read_text() for path in modules]
    sizes = [source.count("\n") for source in sources]
    trees = [ast.parse(source) for source in sources]
    functions = [_body_lines(node) for tree in trees for node in _functions(tree)]
    uses = [use for tree in trees for use in _uses_of_private(tree)]
    lines = sum(sizes)
    return Measurements(
        files=len(modules),
        lines=lines,
        median_file=round(statistics.median(sizes)),
        largest_file=max(sizes),
        median_function=round(statistics.median(functions)),
        ninth_decile_function=round(statistics.quantiles(functions, n=10)[-1]),
        longest_function=max(functions),
        functions_per_1000_lines=1000 * len(functions) / lines,
        private_used_once=uses.count(1) / len(functions),
        comment_lines=sum(len(_comment_lines(source)) for source in sources) / lines,
        docstring_lines=sum(_docstring_lines(tree) for tree in trees) / lines,
    )


def _functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _body_lines(function: Function) -> int:
    has_docstring = ast.get_docstring(function) is not None and len(function.body) > 1
    last = function.body[-1]
    return (last.end_lineno or last.lineno) - function.body[has_docstring].lineno + 1


def _uses_of_private(tree: ast.Module) -> list[int]:
    """How often each private function of the module is named in it."""
    private = {
        node.name
        for node in _functions(tree)
        if node.name.startswith("_") and not node.name.startswith("__")
    }
    named = Counter(
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute)
    )
    return [named[name] for name in private]


def _comment_lines(source: str) -> set[int]:
    """The lines that are a comment and nothing else."""
    lines = source.splitlines()
    return {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and lines[token.start[0] - 1].lstrip().startswith("#")
    }


def _docstring_lines(tree: ast.Module) -> int:
    """Lines of docstrings, those below constants included."""
    texts = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
    return sum((text.end_lineno or text.lineno) - text.lineno + 1 for text in texts)


def main(words: Sequence[str]) -> None:
    """Print a row for each tree."""
    print(
        "| code | files | lines | median / largest file | function median / p90 / max "
        "| functions per 1,000 lines | private functions used once | comment / docstring lines |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for root in words:
        it = measure(Path(root))
        print(
            f"| {root} | {it.files} | {it.lines:,} | {it.median_file} / {it.largest_file} "
            f"| {it.median_function} / {it.ninth_decile_function} / {it.longest_function} "
            f"| {it.functions_per_1000_lines:.0f} | {it.private_used_once:.0%} "
            f"| {it.comment_lines:.1%} / {it.docstring_lines:.0%} |"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
