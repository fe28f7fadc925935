"""Files and folders of a checkout, and those that must not be there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.architecture.orchestrator_boundary.names import names_an_orchestrator
from tests.architecture.orchestrator_boundary.violation import Violation

UNREADABLE = frozenset({".bat", ".cmd", ".dll", ".dylib", ".exe", ".pyc", ".pyd", ".sh", ".so"})

GUIDES = "src/specify_cli/guides/"
"""Texts for users, who write orchestrators of their own."""


def files(root: Path, folder: str) -> list[Path]:
    """Every file below one folder of the checkout, without the leftovers of a run."""
    return sorted(
        path
        for path in (root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


def misplaced(root: Path) -> Iterator[Violation]:
    """Modules and folders below `src` that are named like an orchestrator or cannot be read."""
    for path in sorted((root / "src").rglob("*")):
        if "__pycache__" in path.parts or path.suffix == ".egg-info":
            continue
        shown = path.relative_to(root).as_posix()
        is_guide = shown.startswith(GUIDES) and path.suffix == ".md"
        if names_an_orchestrator(path.name.split(".")[0]) and not is_guide:
            yield Violation(
                shown, 1, f"'{path.name}' is named like an orchestrator", "it lives outside"
            )
        if path.suffix.casefold() in UNREADABLE:
            yield Violation(shown, 1, f"'{path.name}' is no Python source", "it cannot be judged")
