"""`spec-kitty contract show` prints the contract that ships with the host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from specify_cli.cli.main import root
from specify_cli.conformance.documents import ROOT
from tests.contract.interfaces import run_program

DOCUMENTS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file())


def show(*words: str) -> Result:
    return CliRunner().invoke(root, ["contract", "show", *words])


def test_every_document_is_listed_with_the_fixtures() -> None:
    shown = show("--fixtures")
    assert shown.exit_code == 0
    assert sorted(shown.stdout.splitlines()) == DOCUMENTS


def test_list_fits_two_screens_and_mentions_the_fixtures() -> None:
    shown = show()
    listed = shown.stdout.splitlines()
    assert shown.exit_code == 0
    assert len(listed) < 60
    assert [name for name in listed if "fixtures" in name] == ["v1/fixtures/README.md"]
    assert "--fixtures" in shown.stderr


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_is_shown_byte_for_byte(name: str) -> None:
    shown = show(name)
    assert shown.exit_code == 0
    assert shown.stdout_bytes == (ROOT / name).read_bytes()


def test_document_is_found_by_the_end_of_its_name() -> None:
    assert show("errors").stdout_bytes == (ROOT / "v1" / "errors.json").read_bytes()


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("policy", "v1/policy.md"),
        ("lanes", "v1/lanes.md"),
        ("Lanes", "v1/lanes.md"),
        ("lanes.json", "v1/lanes.json"),
        ("policy.json", "v1/policy.json"),
        ("schemas/policy.json", "v1/schemas/policy.json"),
        ("README", "README.md"),
        ("readme", "README.md"),
        ("fixtures/README", "v1/fixtures/README.md"),
        ("changelog", "CHANGELOG.md"),
        ("commands/transition.request.json", "v1/schemas/commands/transition.request.json"),
        ("commands/transition.request", "v1/schemas/commands/transition.request.json"),
        ("worker", "v1/schemas/worker.json"),
    ],
)
def test_short_name_prefers_the_outer_document_and_text_to_data(name: str, document: str) -> None:
    assert show(name).stdout_bytes == (ROOT / document).read_bytes()


GUIDE = ROOT.parent / "src/specify_cli/guides/contract.md"
TEXTS = [ROOT / "README.md", ROOT.parent / "README.md", GUIDE, *sorted((ROOT / "v1").glob("*.md"))]
OF_A_PROJECT = {
    "outbox/<stem>.json",
    "outbox/worker.json",
    "outbox/<correlation_id>.json",
    "inbox/<correlation_id>.json",
    "<correlation_id>.json",
    "<id>.json",
    "meta.json",
    "plan.md",
    "tasks.md",
}
COMMANDS = [
    path.name.split(".")[0] for path in (ROOT / "v1/schemas/commands").glob("*.request.json")
]


def named_documents() -> set[str]:
    """The names that the texts use for documents: in code, or as the target of a link within the contract."""
    named = set()
    for text in TEXTS:
        prose = re.sub(r"```.*?```", "", text.read_text(), flags=re.S)
        named |= set(re.findall(r"`((?:[\w-]+/)*[\w.<>-]+\.(?:md|json))`", prose))
        named |= set(re.findall(r"\]\((?:contract/)?(v1/[\w/.-]+\.(?:md|json))\)", prose))
    return named - OF_A_PROJECT


def test_every_document_is_shown_by_the_name_that_the_texts_use() -> None:
    named = {"orchestrator-api", "mailbox", "lanes", "policy"} | named_documents()
    filled_in = {re.sub("<(name|command)>", x, name) for name in named for x in COMMANDS}
    assert [name for name in sorted(filled_in) if show(name).exit_code != 0] == []


def test_unknown_document_is_refused_on_stderr() -> None:
    shown = show("nothing")
    assert shown.exit_code == 1
    assert shown.stdout_bytes == b""
    assert "nothing" in shown.stderr


def test_ambiguous_name_is_refused_with_the_matching_names() -> None:
    shown = show("spec.md")
    assert shown.exit_code == 1
    assert shown.stdout_bytes == b""
    assert "v1/fixtures/projects/" in shown.stderr


def test_program_prints_a_document_byte_for_byte(tmp_path: Path) -> None:
    done = run_program(tmp_path, "contract", "show", "v1/lanes.json")
    assert done.returncode == 0
    assert done.stdout == (ROOT / "v1" / "lanes.json").read_bytes()
