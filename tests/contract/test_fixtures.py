"""Every golden case is answered as it says, alike at both doors."""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.conformance.case_runner import Agent, Play
from specify_cli.conformance.cases import Case, all_cases
from specify_cli.conformance.compare import without_chance
from specify_cli.conformance.interfaces import Door
from specify_cli.conformance.project_files import faults_in
from specify_cli.conformance.scratch_projects import Scratch
from tests.campaign import sampled
from tests.contract.doors import (
    BROKEN,
    CommandLine,
    Mailbox,
    run_agent,
)

# What these tests and the host that they run can do.
CAPABILITIES = frozenset({"host-private-layout", "fault-injection", "access-control"})
CASES = [case for case in all_cases() if case.requires <= CAPABILITIES]


def named(case: Case) -> str:
    return case.name


def play(
    case: Case, doors: dict[str, Door], scratch: Scratch, folder: Path, *, agent: Agent = run_agent
) -> dict[str, str]:
    """Door to what was answered there, chance left out; each is judged on its own."""
    answers = {}
    for name in case.doors:
        root = scratch.project(case.project, folder / name)
        played = Play(root=root, door=doors[name], agent=agent, broken=BROKEN[name])
        played.prepare(case.before)
        answers[name] = without_chance(played.answer(case), root)
        assert not faults_in(root)
    return answers


@pytest.mark.parametrize("case", sampled(CASES, every=4, rest=pytest.mark.long), ids=named)
def test_case_has_exactly_its_answer_at_every_door(
    case: Case, scratch: Scratch, tmp_path: Path
) -> None:
    answers = play(case, {"cli": CommandLine(), "mailbox": Mailbox()}, scratch, tmp_path)
    assert len(set(answers.values())) == 1


def test_every_case_is_judged() -> None:
    assert all_cases() == CASES
