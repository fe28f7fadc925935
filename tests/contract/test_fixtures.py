"""Every golden case gets exactly its answer, the same at both interfaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.conformance.case_runner import Agent, CaseRunner
from specify_cli.conformance.cases import Case, all_cases
from specify_cli.conformance.compare import normalized
from specify_cli.conformance.interfaces import Interface
from specify_cli.conformance.project_files import project_errors
from specify_cli.conformance.scratch_projects import ScratchProjects
from tests.campaign import sampled
from tests.contract.interfaces import (
    BROKEN,
    CommandLine,
    Mailbox,
    run_agent,
)

# The capabilities of these tests and of the host that they run.
CAPABILITIES = frozenset({"host-private-layout", "fault-injection", "access-control"})
CASES = [case for case in all_cases() if case.requires <= CAPABILITIES]


def named(case: Case) -> str:
    return case.name


def play(
    case: Case,
    interfaces: dict[str, Interface],
    scratch: ScratchProjects,
    folder: Path,
    *,
    agent: Agent = run_agent,
) -> dict[str, str]:
    """By interface, the checked answer without ids and times."""
    answers = {}
    for name in case.interfaces:
        root = scratch.project(case.project, folder / name)
        runner = CaseRunner(root=root, interface=interfaces[name], agent=agent, broken=BROKEN[name])
        runner.prepare(case.before)
        answers[name] = normalized(runner.answer(case), root)
        assert not project_errors(root)
    return answers


@pytest.mark.parametrize("case", sampled(CASES, every=6, rest=pytest.mark.long), ids=named)
def test_case_has_exactly_its_answer_at_both_interfaces(
    case: Case, scratch: ScratchProjects, tmp_path: Path
) -> None:
    answers = play(case, {"cli": CommandLine(), "mailbox": Mailbox()}, scratch, tmp_path)
    assert len(set(answers.values())) == 1


def test_every_case_is_run() -> None:
    assert all_cases() == CASES
