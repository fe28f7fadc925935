"""Markdown rendered for a terminal."""

from __future__ import annotations

import pytest

from specify_cli.cli.markdown import render


@pytest.fixture(autouse=True)
def no_styles(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# Title\n\nProse.\n", "Title\n\nProse.\n"),
        ("one two\nthree four five", "one two three four\nfive\n"),
        ("```sh\na\n\n  b\n```\n", "    a\n\n      b\n"),
        ("```output\na\n```\n", "    | a\n"),
        ("- one two three four five\n- six", "- one two three four\n  five\n- six\n"),
        ("1. one\n2. two", "1. one\n2. two\n"),
        ("| a | b |\n| --- | --- |\n| `x` | y \\| z |", "`x`\n    y | z\n"),
        ("| a | b | c |\n| --- | --- | --- |\n| x | 1 | 2 |", "x\n    b: 1\n    c: 2\n"),
        ("<!-- not run: why -->\n\nProse", "Prose\n"),
        ("**bold**", "**bold**\n"),
        ("a word-that-is-longer-than-a-line b", "a\nword-that-is-longer-than-a-line\nb\n"),
    ],
)
def test_markdown_is_rendered_for_a_terminal(text: str, shown: str):
    assert render(text, width=20) == shown


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("[here](operators.md)", "here (`spec-kitty help operators`)"),
        ("[operators](operators.md#settings)", "operators (`spec-kitty help operators`)"),
        ("[above](#top)", "above"),
        ("[it](../../../contract/v1/lanes.md)", "it (`spec-kitty contract show lanes.md`)"),
        ("[it](../../../examples/a.sh)", "it (examples/a.sh)"),
        ("[examples/a.sh](../../../examples/a.sh)", "examples/a.sh"),
        ("[it](https://example.invalid/a)", "it (https://example.invalid/a)"),
    ],
)
def test_a_link_is_rendered_with_its_target(link: str, shown: str):
    assert render(link, width=80) == f"{shown}\n"
