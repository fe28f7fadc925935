"""The links and names in documents for users exist; a difference from a shown output is detected."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from specify_cli.cli.guides import GUIDES
from specify_cli.cli.main import root
from tests.readme.console import Block, blocks, fits
from tests.readme.documents import DOCUMENTS, README, ROOT

CONTRACT = ROOT / "contract" / "v1"
ROWS = re.compile(r"^\| (`.+?) \|", re.M)


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_short():
    assert len(text_of(README).splitlines()) < 200


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda it: str(it.relative_to(ROOT)))
def test_every_code_block_is_tested(document: Path):
    text = text_of(document)

    assert text.count("\n```sh\n") == len(blocks(text))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda it: str(it.relative_to(ROOT)))
def test_every_link_resolves(document: Path):
    text = text_of(document)
    links = re.findall(r"\]\(([^)]+)\)", text) + re.findall(r'src(?:set)?="([^"]+)"', text)

    for link in links:
        if re.match("https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(text_of(target)), link


def test_the_table_lists_every_command():
    _, _, table = text_of(GUIDES / "by-hand.md").partition("## All commands")
    named = [word for row in ROWS.findall(table) for word in re.findall("`spec-kitty (.+?)`", row)]

    assert {*named} >= {*root.list_commands(click.Context(root))} - {
        "help",
        "agent",
        "contract",
    } - {
        "mailbox",
        "mission",
        "workspace",
    }
    for name in named:
        command: click.Command | None = root
        for part in name.split():
            assert isinstance(command, click.Group), name
            command = command.get_command(click.Context(command), part)
        assert command is not None, name


def test_every_error_guard_and_reason_is_explained():
    text = text_of(GUIDES / "troubleshooting.md")
    named = {name for row in ROWS.findall(text) for name in re.findall("`(.+?)`", row)}
    errors = {it["code"] for it in json.loads(text_of(CONTRACT / "errors.json"))}
    guards = {*json.loads(text_of(CONTRACT / "lanes.json"))["guards"]} - {"none"}
    rules = text_of(CONTRACT / "orchestrator-api.md")
    reasons = {*re.findall(r"^\| `([a-z_]+)` \| .+ \| .+ \|$", rules, re.M)}

    assert len(reasons) > 15
    assert (errors | guards | reasons) - named == set()


def test_output_that_differs_is_detected():
    text = (
        "```sh\none\n```\n\n```output\nfirst\n...\nlast 2030-11-22T18:00:00.000000+00:00\n```\n\n"
        "<!-- not run: why -->\n\n```sh\ntwo\n```\n"
    )

    assert blocks(text)[1] == Block(commands="two\n", shown=None, mark="not run: why")
    shown = blocks(text)[0].shown
    assert shown is not None
    assert fits(shown, "first\nsecond\nthird\nlast 2031-01-01T01:01:01.123456+00:00\n")
    assert not fits(shown, "first\nsecond\nlast, or not\n")
    assert not fits(shown, "first\nlast 2031-01-01T01:01:01.123456+00:00\nmore\n")


@pytest.mark.parametrize("language", ["console", "", "bash"])
def test_a_code_block_that_is_not_run_must_be_marked(language: str):
    with pytest.raises(AssertionError):
        blocks(f"```{language}\none\n```\n")
