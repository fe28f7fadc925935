"""Prompts of work packages, as a person reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from specify_cli.cli.deferred import Deferred

if TYPE_CHECKING:
    from specify_cli.mailbox import printable
else:
    printable = Deferred("specify_cli.mailbox.printable")

FENCE = "---"


def prompt_text(path: Path) -> str:
    """The prompt without its front matter, unable to play with a terminal."""
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    if lines and lines[0].strip() == FENCE:
        end = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == FENCE), 0)
        lines = lines[end + 1 :]
    shown = [printable.printable(line.expandtabs(4)) for line in lines]
    return "\n".join(shown).strip()
