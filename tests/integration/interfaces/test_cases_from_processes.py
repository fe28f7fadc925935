"""Golden cases whose steps are separate processes have the same answer at both interfaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.conformance.cases import Case
from specify_cli.conformance.interfaces import Interface
from specify_cli.conformance.scratch_projects import ScratchProjects
from tests.campaign import sampled
from tests.contract.interfaces import CommandLineProcess, MailboxProcess, run_agent_process
from tests.contract.test_fixtures import CASES, named, play

AS_PROCESSES = (
    "contract-version/plain",
    "append-history/same-id-again",
    "mission-state/unknown-mission",
    "unknown/unknown-command",
    "transition/for-review",
    "merge-mission/two-lanes",
)


@pytest.mark.parametrize(
    "case", sampled((c for c in CASES if c.name in AS_PROCESSES), every=3), ids=named
)
def test_case_run_as_processes_has_the_same_answer_at_both_interfaces(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    interfaces: dict[str, Interface] = {"cli": CommandLineProcess(), "mailbox": MailboxProcess()}
    answers = play(
        case, interfaces, ScratchProjects(tmp_path / "projects"), tmp_path, agent=run_agent_process
    )
    assert len(set(answers.values())) == 1


def test_selected_cases_exist() -> None:
    assert {case.name for case in CASES} >= set(AS_PROCESSES)
