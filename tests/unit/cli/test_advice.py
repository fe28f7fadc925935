"""The command that a refusal suggests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from specify_cli.cli import advice
from specify_cli.cli.prompting import Chosen
from specify_cli.conformance.documents import CONTRACT


@pytest.mark.parametrize("guard", ["paths", "owned_files", "intake"])
def test_a_refusal_caused_by_the_work_advises_to_fix_it_and_retry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guard: str
) -> None:
    root = shutil.copytree(CONTRACT.folder / "fixtures/projects/single", tmp_path / "project")
    monkeypatch.chdir(root)
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    envelope = {"error_code": "TRANSITION_REJECTED", "data": {"guard": guard, "retryable": False}}

    assert advice.after_refusal(envelope, Chosen("001-single"), wp="WP01") == advice.AGAIN
