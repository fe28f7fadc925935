"""Every help page fits on one screen and has an example to paste."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from specify_cli.cli.main import root
from tests.unit.cli.people_pages import pages

PAGES = list(pages())
LINES, COLUMNS = 24, 80
MARGIN = 2
"""The columns that click leaves free."""
ROOT = Path(__file__).parents[3]


def page(words: tuple[str, ...]) -> str:
    result = CliRunner().invoke(
        root, [*words, "--help"], prog_name="spec-kitty", terminal_width=COLUMNS - MARGIN
    )
    assert result.exit_code == 0
    return result.stdout


def example(text: str) -> list[str]:
    """The words of the example on the page, split as a shell does."""
    found = re.search(r"Example: (.*?)(?=\n\n|\Z)", text, re.S)
    assert found, text
    # Paragraphs are wrapped, and a line that ends in a backslash continues on the next.
    return shlex.split(" ".join(found[1].replace("\\\n", " ").split("\n")))


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_a_help_page_fits_a_screen(words: tuple[str, ...]):
    text = page(words)
    lines = text.splitlines()

    assert "..." not in text.partition("Commands:")[2], "a summary is truncated"
    assert len(lines) <= LINES
    assert max(len(line) for line in lines) <= COLUMNS


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_a_help_page_has_a_valid_example(words: tuple[str, ...]):
    program, *rest = example(page(words))
    rest = rest[: rest.index("&&")] if "&&" in rest else rest

    assert program == "spec-kitty"
    command: click.Command = root
    context = click.Context(root)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        inner = command.get_command(context, rest[0])
        assert inner is not None, rest
        command, rest = inner, rest[1:]
    # Parsing raises an exception if a flag or an argument is wrong.
    command.make_context(command.name, list(rest), resilient_parsing=False)


@pytest.mark.long
def test_help_pages_do_not_load_unneeded_libraries():
    """Load all command modules in one process, as completion and `help` do."""
    program = (
        "import sys; from tests.unit.cli.people_pages import pages; [*pages()];"
        " print(*(sys.modules.keys() & {'pydantic', 'rich', 'sqlite3', 'watchdog', 'logging',"
        " 'specify_cli.bootstrap', 'specify_cli.workflow', 'specify_cli.vcs'}))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ended.stdout.split() == []
