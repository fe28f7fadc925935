"""What a person is told to type after a refusal."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from specify_cli.cli import advice
from specify_cli.cli.prompting import Chosen
from specify_cli.conformance.documents import CONTRACT


@pytest.mark.parametrize("guard", ["paths", "owned_files", "intake"])
def test_what_the_work_itself_is_refused_for_is_put_right_before_the_same_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guard: str
) -> None:
    root = shutil.copytree(CONTRACT.folder / "fixtures/projects/single", tmp_path / "project")
    monkeypatch.chdir(root)
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    envelope = {"error_code": "TRANSITION_REJECTED", "data": {"guard": guard, "retryable": False}}

    assert advice.after_refusal(envelope, Chosen("001-single"), wp="WP01") == advice.AGAIN
