"""Every violation of the boundary in one checkout, in the order of paths and lines."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.architecture.orchestrator_boundary import commands, places, processes, texts
from tests.architecture.orchestrator_boundary.violation import Violation

__all__ = ["Violation", "violations"]


def violations(root: Path) -> list[Violation]:
    """The violations in the checkout at `root`; empty if there are none."""
    found = [
        *places.misplaced(root),
        *commands.entry_points(root),
        *texts.in_files(root),
        *_in_python(root),
    ]
    return sorted(set(found), key=lambda violation: (violation.path, violation.line))


def _in_python(root: Path) -> Iterator[Violation]:
    for folder in ("src", "examples"):
        for path in places.files(root, folder):
            if path.suffix == ".py":
                yield from _in_module(path.read_bytes(), path.relative_to(root).as_posix())


@cache
def _in_module(code: bytes, shown: str) -> tuple[Violation, ...]:
    """The violations of a module, cached: the tests check many checkouts that differ in one module."""
    return tuple(_violations_in(code, shown))


def _violations_in(code: bytes, shown: str) -> Iterator[Violation]:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError) as error:
        yield Violation(shown, 1, "is not Python", f"what cannot be read is not judged: {error}")
        return
    if shown.startswith("src/"):
        yield from commands.in_module(tree, shown)
        yield from processes.in_module(tree, shown)
    yield from processes.agent_calls(tree, shown)
