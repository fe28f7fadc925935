"""The documents for users, and the commands in them."""

from __future__ import annotations

from pathlib import Path

from specify_cli.cli.guides import GUIDES, TOPICS
from tests.readme.console import Block, blocks

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
BENCHMARKS = ROOT / "tests" / "benchmarks" / "README.md"
DOCUMENTS = [
    README,
    BENCHMARKS,
    ROOT / "examples" / "README.md",
    *(GUIDES / f"{topic}.md" for topic in TOPICS),
]


def pasted(document: Path) -> list[Block]:
    return blocks(document.read_text(encoding="utf-8"))
