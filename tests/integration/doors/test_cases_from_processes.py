"""Golden cases of many steps, each step a process of its own, are answered alike at both doors."""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.conformance.cases import Case
from specify_cli.conformance.scratch import Scratch
from tests.contract.test_fixtures import CASES, assert_alike_from_processes, named

OF_MANY_STEPS = ("transition/for-review", "merge-mission/two-lanes")


@pytest.mark.parametrize("case", [c for c in CASES if c.name in OF_MANY_STEPS], ids=named)
def test_case_of_many_steps_has_the_same_answer_from_processes(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    assert_alike_from_processes(case, Scratch(tmp_path / "projects"), tmp_path)


def test_every_case_of_many_steps_is_one() -> None:
    assert {case.name for case in CASES} >= set(OF_MANY_STEPS)
