"""The command line gives the same answers through a mailbox as without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from specify_cli.conformance.case_runner import CaseRunner
from specify_cli.conformance.cases import Case, all_cases
from specify_cli.conformance.compare import envelope_of, normalized
from specify_cli.conformance.project_files import project_errors
from specify_cli.conformance.scratch_projects import ScratchProjects
from tests.campaign import sampled
from tests.contract.interfaces import CommandLine, find_broken, run_agent
from tests.contract.test_command_line import MOVE, NOT_UNDERSTOOD
from tests.contract.test_fixtures import CAPABILITIES
from tests.contract.through_mailbox import ThroughMailbox, say

pytestmark = pytest.mark.long

CASES = [
    case
    for case in all_cases()
    if case.requires <= CAPABILITIES and {"cli", "mailbox"} <= set(case.interfaces)
]
ADA = ["--actor", "ada"]
MISUSED: list[list[str]] = [
    *(words for _, words in NOT_UNDERSTOOD),
    ["--nonsense"],
    ["mission-state", "--mission", ""],
    ["mission-state", "--mission=1", "-x"],
    ["mission-state", "--mission", "1", "--"],
    ["mission-state", "--mission", "1", "--", "more"],
    ["mission-state", "--", "--mission", "1"],
    ["mission-state", "--mission", "--wp"],
    ["mission-state", "--mission", "\udcff"],
    ["mission-state", "--mission", "1", "--mailbo", "x"],
    ["mission-state", "--mission", "1", "--policy", "{}"],
    ["contract-version", "--provider-version"],
    ["contract-version", "--provider-version", "old"],
    [*MOVE, *ADA, "--force", "--force"],
    [*MOVE, *ADA, "--no-force"],
    [*MOVE, *ADA, "--subtasks-complete=true"],
    [*MOVE, *ADA, "--evidence-json", '{"review": {"verdict": "approved"}}'],
    [*MOVE, *ADA, "--review-result-json", "1e999"],
    [*MOVE, *ADA, "--review-result-json", "[" * 5000],
    [*MOVE, *ADA, "--policy", "[]"],
    [*MOVE, *ADA, "--policy", '"text"'],
    [*MOVE, *ADA, "--policy", '{"a": "\udcff"}'],
    [*MOVE, *ADA, "--correlation-id", ""],
    [*MOVE, *ADA, "--correlation-id", "a/b"],
    [*MOVE, *ADA, "--correlation-id", "a", "--correlation-id", "b"],
    [*MOVE[:-1], "nowhere", *ADA],
    [*MOVE, *ADA, "--timeout-s"],
    ["merge-mission", "--mission", "1", "--push=1"],
    ["merge-mission", "--mission", "1", "--strategy", ""],
]


def named(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", sampled(CASES, every=10), ids=named)
def test_a_case_has_its_answer_through_a_mailbox(
    case: Case, scratch: ScratchProjects, tmp_path: Path
) -> None:
    root = scratch.project(case.project, tmp_path / "project")
    broken = ThroughMailbox(find=find_broken)
    runner = CaseRunner(root=root, interface=ThroughMailbox(), agent=run_agent, broken=broken)
    runner.prepare(case.before)
    runner.answer(case)
    assert not project_errors(root)


def essence(raw: bytes) -> dict[str, Any]:
    envelope = envelope_of(raw)
    return {name: envelope[name] for name in ("command", "success", "error_code", "data")}


@pytest.fixture(scope="module")
def root(scratch: ScratchProjects, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scratch.project("single", tmp_path_factory.mktemp("misused") / "project")


@pytest.mark.parametrize("by_variable", [False, True])
def test_usage_errors_are_the_same_with_and_without_a_mailbox(
    root: Path, *, by_variable: bool
) -> None:
    with ThroughMailbox().served(root):
        for words in MISUSED:
            plain = CommandLine().say(root, words)
            if not words and not by_variable:
                continue  # An empty call has no command that could take the flag.
            through = say(root, words, by_variable=by_variable)
            assert essence(through.raw) == essence(plain.raw), words
            assert through.exit_code == plain.exit_code, words


def test_replies_with_and_without_a_mailbox_differ_only_in_ids_and_times(
    scratch: ScratchProjects, tmp_path: Path
) -> None:
    root = scratch.project("single", tmp_path / "project")
    words = ["mission-state", "--mission", "001-single"]
    with ThroughMailbox().served(root):
        through = say(root, words).raw
    plain = CommandLine().say(root, words).raw
    assert normalized(envelope_of(through), root) == normalized(envelope_of(plain), root)
    assert through.endswith(b"}\n")
