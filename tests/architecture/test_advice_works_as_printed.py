"""A command that a message advises works when it is pasted: it has real values, and a test pastes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.advised_commands import SOURCES, VALUE, advised, by_module, mentioned, table
from tests.integration.advice.test_pasted import READS, ROWS

ROOT = Path(__file__).parents[2]
PLACEHOLDER = re.compile(
    r"<[a-z][a-z _-]*>|(?<=[ /])(?!HEAD\b|WP[0-9]|T[0-9]{3}|CC0\b)[A-Z][A-Z_]+\b"
)
READ = [it.partition(" ||")[0] for it in READS]
REASON = re.compile(r"no test: [a-z].{20,}")
"""Why a command is not pasted."""


@pytest.mark.parametrize(
    "text",
    [
        "f\"tick them with 'spec-kitty tasks mark {wp} --mission MISSION'\"",
        "\"run 'git branch a <commit>'\"",
    ],
)
def test_a_placeholder_is_found(text: str) -> None:
    assert [it for it in mentioned(f"x = {text}") if PLACEHOLDER.search(it)]


def test_no_advice_has_a_placeholder() -> None:
    found = [
        f"{path.name}: {command}"
        for path in sorted(SOURCES.rglob("*.py"))
        for command in mentioned(path.read_text())
        if PLACEHOLDER.search(command)
    ]
    assert not found


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("f\"run 'git switch {branch}', then try again\"", "git switch {}"),
        ('f"next: spec-kitty status {slug}"', "spec-kitty status {}"),
        ('chosen.next(f"review {wp}")', "spec-kitty review {}"),
        ('f"{at} exists; remove it: rm -f {names}"', "rm -f {}"),
        ('"git does not work here"', None),
    ],
)
def test_an_advised_command_is_found(text: str, command: str | None) -> None:
    assert [*advised(f"x = {text}")] == ([command] if command else [])


def pattern_of(command: str) -> re.Pattern[str]:
    return re.compile(".+".join(map(re.escape, command.split(VALUE))))


@pytest.mark.long
def test_every_advised_command_is_pasted_by_a_test() -> None:
    advised_here = {(module, it) for module, commands in by_module().items() for it in commands}
    looking = {it for it in advised_here if any(map(pattern_of(it[1]).fullmatch, READ))}
    named = {(module, command) for module, row in table().items() for command in row}
    assert advised_here - looking - named - set(ROWS) == set(), "paste them, and name the test"
    assert (named | set(ROWS)) - advised_here == set(), "no message advises them"
    assert named & (set(ROWS) | looking) == set()


def test_the_tests_that_paste_commands_exist() -> None:
    for row in table().values():
        for evidence in row.values():
            path, _, name = evidence.partition("::")
            if not REASON.fullmatch(evidence):
                assert f"def {name}(" in (ROOT / path).read_text(), evidence
