"""Every call of the command line prints one envelope; exit code 2 means that the call is invalid."""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.conformance.compare import envelope_of
from specify_cli.conformance.scratch_projects import ScratchProjects
from tests.contract.interfaces import CommandLine, run_program

MOVE = ["transition", "--mission", "001-single", "--wp", "WP01", "--to", "blocked"]
# The command in the envelope, and the words of an invalid call.
NOT_UNDERSTOOD: list[tuple[str, list[str]]] = [
    ("unknown", []),
    ("unknown", ["--mission", "1"]),
    ("unknown", ["paint-mission"]),
    ("unknown", ["create-mission", "--title", "people's own words are not the contract's"]),
    ("mission-state", ["mission-state"]),
    ("mission-state", ["mission-state", "--mission"]),
    ("mission-state", ["mission-state", "--miss", "001-single"]),
    ("mission-state", ["mission-state", "--feature", "001-single"]),
    ("mission-state", ["mission-state", "--mission", "001-single", "--json"]),
    ("mission-state", ["mission-state", "--mission", "001-single", "more"]),
    ("mission-state", ["mission-state", "--mission", "1", "--mission", "1"]),
    ("mission-state", ["mission-state", "--mission", "1", "--correlation-id", "reads-have-none"]),
    ("transition", MOVE),
    ("transition", [*MOVE, "--actor", " "]),
    ("transition", [*MOVE, "--actor", "ada", "--force=yes"]),
    ("transition", [*MOVE, "--actor", "ada", "--subtasks-complete", "--no-subtasks-complete"]),
    ("transition", [*MOVE, "--actor", "ada", "--evidence-json", "{"]),
    ("transition", [*MOVE, "--actor", "ada", "--evidence-json", '{"review":1,"review":2}']),
    ("transition", [*MOVE, "--actor", "ada", "--review-result-json", "[]"]),
    ("transition", [*MOVE, "--actor", "ada", "--correlation-id", ".hidden"]),
    ("transition", [*MOVE, "--actor", "ada", "--correlation-id", "x" * 129]),
]


@pytest.fixture(scope="module")
def root(scratch: ScratchProjects, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scratch.project("single", tmp_path_factory.mktemp("words") / "project")


@pytest.mark.parametrize(("command", "words"), NOT_UNDERSTOOD)
def test_invalid_call_gets_an_envelope_and_exit_code_2(
    command: str, words: list[str], root: Path
) -> None:
    answered = CommandLine().say(root, words)
    envelope = envelope_of(answered.raw)
    assert answered.exit_code == 2
    assert envelope["error_code"] == "USAGE_ERROR"
    assert envelope["command"] == f"orchestrator-api.{command}"
    assert not (root / "kitty-specs" / "001-single" / "status.events.jsonl").exists()


def test_error_of_an_invalid_call_has_its_correlation_id(root: Path) -> None:
    for words in (["--correlation-id", "mine-1", "--colour"], ["--correlation-id=mine-1", "more"]):
        answered = CommandLine().say(root, [*MOVE, *words])
        assert envelope_of(answered.raw)["correlation_id"] == "mine-1"


def test_status_lane_is_trimmed_and_case_folded(root: Path) -> None:
    answered = CommandLine().say(root, [*MOVE[:-1], " Planned\n", "--actor", "ada"])
    assert envelope_of(answered.raw)["data"]["to_lane"] == "planned"


def test_help_is_plain_text(root: Path) -> None:
    done = run_program(root, "orchestrator-api", "transition", "--help")
    assert done.returncode == 0
    assert b"--review-result-json" in done.stdout


def test_environment_variable_selects_the_project(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = CommandLine().say(tmp_path, ["mission-state", "--mission", "001-single"])
    assert envelope_of(elsewhere.raw)["error_code"] == "MISSION_NOT_FOUND"
    monkeypatch.setenv("SPECIFY_REPO_ROOT", str(root))
    named = CommandLine().say(tmp_path, ["mission-state", "--mission", "001-single"])
    assert envelope_of(named.raw)["success"]
