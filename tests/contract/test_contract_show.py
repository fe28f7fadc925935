"""`spec-kitty contract show` gives out the contract that ships with the host."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from specify_cli.cli.main import root
from specify_cli.conformance.documents import ROOT
from tests.contract.doors import run_program

DOCUMENTS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file())


def show(*words: str) -> Result:
    return CliRunner().invoke(root, ["contract", "show", *words])


def test_every_document_is_listed() -> None:
    shown = show()
    assert shown.exit_code == 0
    assert sorted(shown.stdout.splitlines()) == DOCUMENTS


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_is_shown_byte_for_byte(name: str) -> None:
    shown = show(name)
    assert shown.exit_code == 0
    assert shown.stdout_bytes == (ROOT / name).read_bytes()


def test_document_is_found_by_the_end_of_its_name() -> None:
    assert show("errors").stdout_bytes == (ROOT / "v1" / "errors.json").read_bytes()


def test_unknown_document_is_refused_on_stderr() -> None:
    shown = show("nothing")
    assert shown.exit_code == 1
    assert shown.stdout_bytes == b""
    assert "nothing" in shown.stderr


def test_name_that_fits_several_documents_is_refused_with_their_names() -> None:
    shown = show("README")
    assert shown.exit_code == 1
    assert shown.stdout_bytes == b""
    assert "v1/fixtures/README.md" in shown.stderr


def test_document_leaves_a_process_as_it_is(tmp_path: Path) -> None:
    done = run_program(tmp_path, "contract", "show", "v1/lanes.json")
    assert done.returncode == 0
    assert done.stdout == (ROOT / "v1" / "lanes.json").read_bytes()
