"""Every requirement of the contract's texts has a unique id."""

from __future__ import annotations

import re

import pytest

from specify_cli.conformance.documents import ROOT

PREFIXES = {
    "README.md": "VER",
    "v1/files.md": "FILE",
    "v1/fixtures/README.md": "FIX",
    "v1/lanes.md": "LANE",
    "v1/mailbox.md": "MBX",
    "v1/orchestrator-api.md": "API",
    "v1/policy.md": "POL",
}
KEYWORD = re.compile(r"\b(MUST|SHOULD|MAY|RECOMMENDED)\b")
# A requirement with an id, an item of an older numbered list, or a row of a table.
NUMBERED = re.compile(r"\s*(- \*\*[A-Z]+-[0-9]+\*\* |[0-9]+\. |\|)")
EXPLAINS_THE_KEYWORDS = "- The words MUST"
BLOCK = re.compile(r"\n\n+|\n(?=- |[0-9]+\. |\|)")


def blocks(name: str) -> list[str]:
    """The paragraphs, list items and table rows of a text, without code."""
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text("utf-8"), flags=re.DOTALL)
    return BLOCK.split(text)


def test_every_text_is_checked() -> None:
    texts = {path.relative_to(ROOT).as_posix() for path in (ROOT / "v1").glob("*.md")}
    assert texts <= PREFIXES.keys()


@pytest.mark.parametrize("name", PREFIXES)
def test_every_requirement_has_a_number(name: str) -> None:
    normative = [block for block in blocks(name) if KEYWORD.search(block)]
    assert normative
    unnumbered = [block for block in normative if not NUMBERED.match(block)]
    assert [it for it in unnumbered if not it.startswith(EXPLAINS_THE_KEYWORDS)] == []


@pytest.mark.parametrize(("name", "prefix"), PREFIXES.items())
def test_ids_are_unique_and_without_gaps(name: str, prefix: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    found = sorted(int(number) for number in re.findall(rf"\*\*{prefix}-([0-9]+)\*\*", text))
    assert found == list(range(1, len(found) + 1))
    assert len(found) == len(re.findall(r"\*\*[A-Z]+-[0-9]+\*\*", text))
