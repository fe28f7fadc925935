"""ARCHITECTURE.md names existing files and functions, and every layer.

A path in backticks is one of the source (`mailbox/inbox.py`) or of the checkout (`contract/v1/mailbox.md`). A name in
backticks is written as `function()`, `Class`, `Class.member`, `Class.method()` or `CONSTANT`; a file that the same
paragraph, list item or table row names has to define it.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "specify_cli"
DOCUMENT = ROOT / ".github" / "ARCHITECTURE.md"

FENCED = re.compile(r"^```.*?^```$", re.M | re.S)
QUOTED = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?!\.|kitty-specs/)[\w.-]+(/[\w.-]+)*(/|\.(py|md|json|toml|sh))")
NAME = re.compile(
    r"(?P<name>\w+(\.\w+)*)\(\)|(?P<type>[A-Z]+[a-z]\w*(\.\w+)?)|(?P<constant>[A-Z]+(_[A-Z]+)*)"
)
PLACES_OF_PROJECTS = ("lanes.json", "config.toml", "tasks.md")
"""Names of files of a user's project, not of this one."""


def blocks(text: str) -> Iterator[str]:
    """Each paragraph, list item and table row."""
    for part in re.split(r"\n(?:\s*\n|(?=\| |\d+\. |- ))", FENCED.sub("", text)):
        if part.strip():
            yield part


def paths_in(block: str) -> list[str]:
    """The paths that must exist."""
    quoted = QUOTED.findall(block)
    return [it for it in quoted if PATH.fullmatch(it) and it not in PLACES_OF_PROJECTS]


def names_in(block: str) -> list[str]:
    """The names that must be defined, without brackets."""
    found = (NAME.fullmatch(it) for it in QUOTED.findall(block))
    return [it["name"] or it["type"] or it["constant"] for it in found if it]


def located(path: str) -> Path | None:
    """The file or folder that the path names; None where there is none."""
    places = (SOURCE / path, ROOT / path)
    return next((it for it in places if it.exists()), None)


@cache
def defined_in(path: Path) -> frozenset[str]:
    """Functions, classes, members and constants of the module."""
    return frozenset(_names(ast.parse(path.read_text(encoding="utf-8")).body))


def _names(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from _names(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.If):
            yield from _names([*node.body, *node.orelse], prefix)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (prefix + it.id for it in targets if isinstance(it, ast.Name))


def faults_in(block: str) -> list[str]:
    """What the block names but does not exist."""
    paths = paths_in(block)
    files = [it for path in paths if (it := located(path)) and it.suffix == ".py"]
    known: set[str] = set().union(*map(defined_in, files))
    return [
        *(f"{path}: no such file or folder" for path in paths if not located(path)),
        *(f"{name}: not in {paths}" for name in names_in(block) if name not in known),
    ]


def test_every_path_and_name_exists():
    text = DOCUMENT.read_text(encoding="utf-8")

    assert [fault for block in blocks(text) for fault in faults_in(block)] == []


@pytest.mark.parametrize(
    "block",
    [
        "`Inbox.grasp()` in `mailbox/inbox.py`",
        "`Inbox.claim()` in `mailbox/letterbox.py`",
        "`Inbox.claim()`",
        "`WorkerSettings.patience` in `mailbox/settings.py`",
        "`NOWHERE` in `core/lanes.py`",
        "the folder `post_office/`",
    ],
)
def test_an_outdated_path_or_name_is_found(block: str):
    assert len(faults_in(block)) >= 1


def test_the_diagram_shows_every_layer():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(it["layers"] for it in contracts if it["id"] == "layers")
    picture = FENCED.findall(DOCUMENT.read_text(encoding="utf-8"))[0]

    shown = set(re.findall(r"\w+", picture))
    assert {name for layer in layers for name in re.findall(r"\w+", layer)} <= shown


def test_the_table_answers_common_questions():
    _, _, table = DOCUMENT.read_text(encoding="utf-8").partition("## Where to change what")

    for question in (
        "half-written files",
        "`for_review` demands",
        "holder of a lock",
        "a heartbeat says",
    ):
        assert question in table
