"""The prompt on the screen is the whole text that an agent gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.cli.prompts import feedback_lines, prompt_text
from specify_cli.storage import front_matter


@pytest.mark.parametrize("fence", ["---", "--- ", "---\t", " ---", "\u2028---", "\x0c---", "----"])
def test_only_the_front_matter_is_removed_from_the_prompt(fence: str) -> None:
    text = f"{fence}\ntitle: x\n---\nbody"
    header = front_matter.parse(text, Path("WP01.md"))
    assert ("title: x" not in prompt_text(text)) == (header == {"title": "x"})


def test_a_fence_inside_a_value_does_not_end_the_front_matter() -> None:
    text = "---\ntext: |\n  ---\n  more\n---\nbody"
    assert front_matter.parse(text, Path("WP01.md")).keys() == {"text"}
    assert prompt_text(text) == "body"


def test_control_characters_in_a_prompt_are_escaped() -> None:
    assert prompt_text("a\x1b[31m\u202e\tb\x0cc\r") == r"a\x1b[31m\u202e b\x0cc\r"


@pytest.mark.parametrize(
    ("reference", "text", "shown"),
    [
        ("WP01 by bob", "more tests", ["changes requested by bob:", "  more tests"]),
        ("conflict with WP02", "", ["changes requested by bob (conflict with WP02)"]),
        ("PR 7", "more", ["changes requested by bob (PR 7):", "  more"]),
    ],
)
def test_a_reference_is_shown_unless_it_only_repeats_the_reviewer(
    reference: str, text: str, shown: list[str]
) -> None:
    feedback = {"reviewer": "bob", "reference": reference, "text": text}
    assert list(feedback_lines(feedback)) == shown
