"""Help pages that are rendered without click equal those of click."""

from __future__ import annotations

import contextlib
import io

import pytest

from specify_cli.cli import contract_page, flags, plain_call
from specify_cli.cli import orchestrator_api as by_click
from specify_cli.orchestrator_api import registry

COMMANDS = list(registry.CONTRACT_COMMANDS)


def shown(words: list[str], *, is_plain: bool) -> tuple[int | None, str]:
    with contextlib.redirect_stdout(io.StringIO()) as told:
        code = plain_call.run(words) if is_plain else by_click.run(words)
    return code, told.getvalue()


@pytest.mark.parametrize("columns", ["", "0", "x", "20", "60", "70", "79", "80", "100", "200"])
@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=" ".join)
def test_the_plain_help_page_equals_that_of_click(
    words: list[str], columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.delenv("SPEC_KITTY_MAILBOX", raising=False)
    code, text = shown([*words, "--help"], is_plain=True)
    assert (code, text) in ((None, ""), shown([*words, "--help"], is_plain=False))
    assert shown([*words, "-h"], is_plain=True) == (code, text)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_does_not_need_click(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert flags.page(registry.find(name)) is not None


def test_the_list_of_commands_does_not_need_click(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert contract_page.page() is not None


@pytest.mark.parametrize(
    "words", [["nothing", "--help"], ["create-mission", "-h"], ["transition", "x", "-h"]]
)
def test_other_help_pages_are_left_to_click(words: list[str]) -> None:
    assert shown(words, is_plain=True) == (None, "")
