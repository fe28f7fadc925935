"""Lay out a help page of `orchestrator-api` as click does, without loading it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself is slow to load.
    from typing import TypeAlias

    Rows: TypeAlias = Sequence[tuple[str, str]]

PROGRAM = "spec-kitty orchestrator-api"
HELP = ("-h, --help", "Show this message and exit.")
WIDEST_PAGE, NARROWEST_PAGE = 100, 50
WIDEST_NAME = 30
APART = 2


def page(
    usage: str, paragraphs: Sequence[Sequence[str]], sections: Mapping[str, Rows]
) -> str | None:
    """Return the page; None if a line has to be wrapped, which is left to click.

    `usage` is what follows the program's name. A section has rows of a name and its text.
    """
    lines = [f"Usage: {PROGRAM} {usage}"]
    for paragraph in paragraphs:
        lines += ["", *(f"  {line}" for line in paragraph)]
    for title, rows in sections.items():
        first = min(max(len(name) for name, _ in rows), WIDEST_NAME) + APART
        lines += ["", f"{title}:", *(line for row in rows for line in _row(*row, first=first))]
    return "\n".join(lines) if max(map(len, lines)) <= _width() else None


def _row(name: str, text: str, *, first: int) -> Iterator[str]:
    if len(name) > first - APART:
        yield f"  {name}"
        name = ""
    yield f"  {name:{first}}{text}"


def _width() -> int:
    return max(min(_columns(), WIDEST_PAGE) - APART, NARROWEST_PAGE)


def _columns() -> int:
    """Return the terminal width as `shutil.get_terminal_size` does, which is slow to import."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isascii() and wanted.isdigit() and int(wanted):
        return int(wanted)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return 80
