"""`spec-kitty help`: guides and help pages, at a terminal and elsewhere."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from specify_cli.cli.guides import GUIDES, TOPICS
from specify_cli.cli.main import root


def asked(*words: str) -> Result:
    return CliRunner().invoke(root, ["help", *words], prog_name="spec-kitty")


def at_a_terminal(*words: str, **env: str) -> str:
    """The output at a terminal of 80 columns."""
    shown = b""
    child, terminal = pty.fork()
    if child == 0:
        os.environ |= {"PAGER": "cat", "COLUMNS": "80", "TERM": "xterm"} | env
        os.execv(sys.executable, [sys.executable, "-m", "specify_cli", "help", *words])
    try:
        while more := os.read(terminal, 65536):
            shown += more
    except OSError:  # Linux raises EIO once the program at the terminal has ended.
        pass
    os.close(terminal)
    assert os.waitpid(child, 0)[1] == 0
    return shown.decode().replace("\r\n", "\n")


def test_every_guide_is_a_topic():
    assert sorted(TOPICS) == sorted(path.stem for path in GUIDES.iterdir())


def test_topics_are_listed_with_their_titles():
    listed = asked()

    assert listed.exit_code == 0
    for topic in TOPICS:
        title = (GUIDES / f"{topic}.md").read_text().partition("\n")[0].removeprefix("# ")
        assert f"  {topic:17}{title}\n" in listed.stdout
    assert max(map(len, listed.stdout.splitlines())) <= 80


@pytest.mark.parametrize("topic", TOPICS)
def test_without_a_terminal_a_guide_is_printed_as_markdown(topic: str):
    assert asked(topic).stdout_bytes == (GUIDES / f"{topic}.md").read_bytes()


@pytest.mark.parametrize("words", [["status"], ["mailbox", "serve"], ["mailbox"]])
def test_help_of_a_command_prints_its_help_page(words: list[str]):
    page = CliRunner().invoke(root, [*words, "--help"], prog_name="spec-kitty")

    assert asked(*words).stdout == page.stdout


def test_help_of_a_contract_command_prints_its_help_page():
    assert "Usage: spec-kitty orchestrator-api transition" in (
        asked("orchestrator-api", "transition").stdout
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["operaters"],
            "command 'operaters'; did you mean 'operators'? Run 'spec-kitty help' to list",
        ),
        (["statsu"], "command 'statsu'; did you mean 'status'? Run 'spec-kitty help' to list"),
        (["xyzzy"], "There is no guide or command 'xyzzy'. Run 'spec-kitty help' to list"),
        (["mailbox", "srve"], "'srve'; did you mean 'serve'? See 'spec-kitty mailbox --help'."),
        (
            ["status", "x"],
            "'spec-kitty status' has no command 'x'. See 'spec-kitty status --help'.",
        ),
        (
            ["operators", "x"],
            "'operators' is a guide without parts: run 'spec-kitty help operators'.",
        ),
        (
            ["contract", "x"],
            "'spec-kitty contract' has no command 'x'. See 'spec-kitty contract --help'.",
        ),
    ],
)
def test_an_unknown_topic_is_refused_with_the_nearest_match(words: list[str], told: str):
    refused = asked(*words)

    assert refused.exit_code == 2
    assert told in refused.stderr


def test_at_a_terminal_headings_are_bold_and_lines_fit():
    shown = at_a_terminal("access")

    assert "\x1b[1mA first grant\x1b[0m\n\n    mkdir demo && cd demo\n" in shown
    prose = [line for line in click.unstyle(shown).splitlines() if not line.startswith("    ")]
    assert max(map(len, prose)) <= 80
    assert "```" not in shown


def test_at_a_terminal_no_color_is_respected():
    assert "\x1b" not in at_a_terminal("access", NO_COLOR="1")


def test_the_pager_of_the_user_is_used(tmp_path: Path):
    seen = tmp_path / "seen"

    at_a_terminal("access", PAGER=f"tee {seen}")

    assert "A first grant" in seen.read_text()


def test_less_is_started_with_its_default_options(tmp_path: Path):
    less, seen = tmp_path / "less", tmp_path / "seen"
    less.write_text(f'#!/bin/sh\n(echo "$LESS"; cat) >{seen}\n')
    less.chmod(0o755)

    at_a_terminal("access", PAGER="less", PATH=f"{tmp_path}:{os.environ['PATH']}")

    assert seen.read_text().startswith("FRX\n\x1b[1mControl")


def test_a_failing_pager_is_reported_with_an_alternative():
    shown = at_a_terminal("access", PAGER="exit 3")

    assert "the pager 'exit 3' failed: see 'spec-kitty help access | cat'" in shown
