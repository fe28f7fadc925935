"""What the README links and names exists; a shown output that differs would be seen."""

from __future__ import annotations

import re
from pathlib import Path

import click

from specify_cli.cli.main import root
from tests.readme.console import Step, fits, steps

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_fence_is_of_a_kind_that_is_tested():
    opened = re.findall(r"^```(.+)$", README, re.M)

    assert {*opened} == {"console", "sh", "text"}


def test_every_file_that_is_linked_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_command_for_people_exists():
    _, _, rest = README.partition("## Words for people")
    rows = [row.split("|")[1] for row in rest.partition("\n## ")[0].splitlines() if "| `" in row]
    words = [
        word.removeprefix("spec-kitty ") for row in rows for word in re.findall("`(.+?)`", row)
    ]

    assert len(words) > len(rows) > 5
    for word in words:
        command: click.Command | None = root
        for part in word.split():
            assert isinstance(command, click.Group), word
            command = command.get_command(click.Context(command), part)
        assert command is not None, word


def test_a_shown_output_that_differs_is_seen():
    session = "$ one \\\n>   more\nfirst\n...\nlast 2030-11-22T18:00:00.000000+00:00\n$ two\n"

    assert steps(session)[1] == Step(command="two", shown="")
    shown = steps(session)[0].shown
    assert fits(shown, "first\nsecond\nthird\nlast 2031-01-01T01:01:01.123456+00:00\n")
    assert not fits(shown, "first\nsecond\nlast, or not\n")
    assert not fits(shown, "first\nlast 2031-01-01T01:01:01.123456+00:00\nmore\n")
