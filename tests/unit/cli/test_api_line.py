"""Plain parsing agrees with click: a line that it accepts is read the same by click."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from specify_cli.cli import api_line, through_mailbox
from specify_cli.cli import orchestrator_api as by_click
from specify_cli.cli.api_line import Line
from specify_cli.orchestrator_api import registry

COMMANDS = tuple(registry.CONTRACT_COMMANDS)
FLAGS = (
    "--mission",
    "--wp",
    "--actor",
    "--to",
    "--note",
    "--force",
    "--push",
    "--strategy",
    "--target",
    "--policy",
    "--review-ref",
    "--review-result-json",
    "--evidence-json",
    "--subtasks-complete",
    "--no-subtasks-complete",
    "--provider-version",
    "--correlation-id",
    "--mailbox",
    "--timeout-s",
)
ODD = ("--", "-", "-h", "--help", "--miss", "-m", "--no-force", "more", "", "=", "--=x", "--json")
VALUES = ("034-search", "WP01", "", "-x", "--wp", "{}", "null", '{"a":1}', "{", " ", "0", "\udcff")
FITTING = ("034-search", "WP01", "{}", "null", '{"a": [1]}', "5", "id-1.x")
DUBIOUS = [".x", "a/b", "x" * 128, "x" * 129, "nan"]

values = st.sampled_from(VALUES) | st.sampled_from(DUBIOUS) | st.text(max_size=4)
anything = st.sampled_from(FLAGS) | st.sampled_from(ODD) | values
joined = st.builds(lambda flag, value: f"{flag}={value}", st.sampled_from(FLAGS), values)
pairs = st.builds(lambda f, v: [f, v], st.sampled_from(FLAGS), st.sampled_from(FITTING))
chaos = st.lists(anything | joined, max_size=8)
nearly_right = st.lists(pairs | joined.map(lambda word: [word]), max_size=6).map(
    lambda groups: [word for group in groups for word in group]
)
lines = st.builds(
    lambda command, words: [command, *words],
    st.sampled_from((*COMMANDS, "nothing", "")),
    chaos | nearly_right,
)


def facts(line: Line) -> dict[str, Any]:
    return {name: getattr(line, name) for name in Line.__slots__}


def read_by_click(words: list[str]) -> Line | None:
    """The line as click reads it; None if it refuses the line or shows help."""
    found: list[Line] = []

    def note(line: Line) -> dict[str, Any]:
        found.append(line)
        return {"success": True}

    stdout = io.TextIOWrapper(io.BytesIO())
    with contextlib.redirect_stdout(stdout):
        by_click.run(words, through=note)
    return found[0] if found else None


@given(words=lines)
@example(words=["mission-state", "--mission", "034-search"])
@example(words=["transition", "--no-subtasks-complete", "--subtasks-complete"])
@example(words=["mission-state", "--mailbox="])
@example(words=["append-history", "--correlation-id", "x" * 128])
@settings(max_examples=100)
def test_click_reads_every_plain_line_the_same(words: list[str]) -> None:
    line = api_line.read(words)
    if line is not None:
        added = ["--mailbox", "/mailbox"] if line.mailbox is None else []
        line.mailbox = "/mailbox" if added else line.mailbox
        clicked = read_by_click([*words[:1], *added, *words[1:]])
        assert clicked is not None
        assert facts(clicked) == facts(line)


WELL_FORMED = [
    ["contract-version"],
    ["contract-version", "--provider-version=0.1.2"],
    ["resolve-workspace", "--mission", "1", "--wp", "WP01"],
    ["start-review", "--policy", '{"a": 1}', "--review-ref=-x", "--correlation-id", "mine"],
    ["transition", "--force", "--no-subtasks-complete", "--evidence-json", '{"review": {}}'],
    ["merge-mission", "--push", "--strategy", "squash", "--mailbox", "x", "--timeout-s", "5"],
]


@pytest.mark.parametrize("words", WELL_FORMED)
def test_plain_lines_are_read_without_click(words: list[str]) -> None:
    line = api_line.read(words)
    assert line is not None
    assert line.command == words[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_of_every_command_is_read_without_click(name: str) -> None:
    command = by_click.click_command(registry.find(name))
    for option in command.params:
        for flag in (*option.opts, *option.secondary_opts):
            value = [] if getattr(option, "is_flag", False) else ["{}"]
            value = ["id"] if flag == "--correlation-id" else value
            assert api_line.read([name, flag, *value]) is not None, flag


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("/box", ("/box/inbox", "/box/outbox")),
        ("/in:/out", ("/in", "/out")),
        ("box", ("box/inbox", "box/outbox")),
    ],
)
def test_mailbox_names_one_folder_or_an_inbox_and_an_outbox(
    text: str, places: tuple[str, str]
) -> None:
    assert tuple(map(str, through_mailbox.folders(text, source="it"))) == places
