"""A request with several faults is answered with the first of them, the same at both interfaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from specify_cli.conformance.compare import envelope_of, normalized
from specify_cli.conformance.interfaces import Interface
from specify_cli.conformance.requests import Request, fresh_id
from specify_cli.conformance.scratch_projects import ScratchProjects
from tests.contract.interfaces import CommandLine, Mailbox
from tests.contract.recorded import POLICY, REVIEW

INTERFACES: dict[str, Interface] = {"cli": CommandLine(), "mailbox": Mailbox()}
CHAIN = "002-chain"

# Each row repairs the first fault of the row before it, and has all the later ones.
ALL_WRONG: dict[str, Any] = {
    "mission": "nothing",
    "wp": "WP99",
    "actor": "ada",
    "to": "nowhere",
    "evidence": {"review": REVIEW},
    "review_ref": "another",
}
REPAIRS: list[tuple[str, dict[str, Any], Any]] = [
    ("USAGE_ERROR", {}, None),
    ("POLICY_METADATA_REQUIRED", {"to": "in_progress"}, None),
    ("POLICY_VALIDATION_FAILED", {}, {**POLICY, "agent_family": 7}),
    ("TRANSITION_REJECTED", {}, POLICY),
    ("MISSION_NOT_FOUND", {"review_ref": "review-1"}, POLICY),
    ("WP_NOT_FOUND", {"mission": CHAIN}, POLICY),
    ("DEPENDENCIES_NOT_SATISFIED", {"wp": "WP02"}, POLICY),
    ("TRANSITION_REJECTED", {"wp": "WP01"}, POLICY),
]


def rows() -> list[tuple[str, dict[str, Any], Any]]:
    args, found = ALL_WRONG, []
    for code, repair, policy in REPAIRS:
        args = args | repair
        found.append((code, args, policy))
    return found


def answers(root: Path, args: dict[str, Any], policy: Any) -> list[dict[str, Any]]:
    ask = Request(command="transition", args=args, policy=policy, correlation_id="")
    return [
        envelope_of(interface.send(root, ask.with_id(fresh_id())).raw)
        for interface in INTERFACES.values()
    ]


@pytest.fixture(scope="module")
def root(scratch: ScratchProjects, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scratch.project("chain", tmp_path_factory.mktemp("faulty") / "project")


@pytest.mark.parametrize(("code", "args", "policy"), rows())
def test_answer_names_the_first_fault(
    code: str, args: dict[str, Any], policy: Any, root: Path
) -> None:
    one, other = answers(root, args, policy)
    assert one["error_code"] == code
    assert normalized(one, root) == normalized(other, root)


@pytest.mark.parametrize(
    ("wrong", "policy", "code"),
    [
        ({"evidence": {"review": {}}}, None, "POLICY_METADATA_REQUIRED"),
        ({"evidence": {"review": {}}}, POLICY, "USAGE_ERROR"),
        ({"review_result": {"verdict": "maybe"}}, POLICY, "USAGE_ERROR"),
    ],
)
def test_malformed_evidence_is_checked_after_the_policy_and_before_the_mission(
    wrong: dict[str, Any], policy: Any, code: str, root: Path
) -> None:
    args = {"mission": "nothing", "wp": "WP01", "actor": "ada", "to": "claimed"} | wrong
    one, other = answers(root, args, policy)
    assert one["error_code"] == code
    assert normalized(one, root) == normalized(other, root)


@pytest.mark.parametrize(
    "name", ["..", "../..", "/etc", "a/b", "", "x" * 10_000, "02-chain", "\u00e9", "\u0662"]
)
def test_invalid_mission_name_gets_the_same_answer_at_both_interfaces(
    name: str, root: Path
) -> None:
    ask = Request(command="mission-state", args={"mission": name}, correlation_id="")
    one, other = (
        envelope_of(interface.send(root, ask.with_id(fresh_id())).raw)
        for interface in INTERFACES.values()
    )
    assert one["error_code"] == ("MISSION_NOT_FOUND" if name else "USAGE_ERROR")
    assert normalized(one, root) == normalized(other, root)
