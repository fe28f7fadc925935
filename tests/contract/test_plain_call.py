"""A call that is answered without click gets the same answer, byte for byte, as with click."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest

from specify_cli.cli import orchestrator_api as by_click
from specify_cli.cli import plain_call
from specify_cli.conformance.compare import envelope_of, normalized
from specify_cli.conformance.interfaces import Answer
from specify_cli.conformance.scratch_projects import ScratchProjects
from tests.contract.interfaces import run_program
from tests.contract.recorded import POLICY
from tests.contract.test_command_line import NOT_UNDERSTOOD

MISSION = ["--mission", "001-single"]
WP = [*MISSION, "--wp", "WP01", "--actor", "ada"]
DECLARED = ["--policy", json.dumps(POLICY)]
LINES = [
    ["contract-version"],
    ["contract-version", "--provider-version", "old"],
    ["mission-state", *MISSION],
    ["mission-state", "--mission=none"],
    ["mission-state", "--mission", ""],
    ["list-ready", *MISSION],
    ["resolve-workspace", *MISSION, "--wp", "WP01"],
    ["resolve-workspace", *MISSION, "--wp", "WP77"],
    ["append-history", *WP, "--note", "öfter", "--correlation-id", "one"],
    ["append-history", *WP, "--note", "öfter", "--correlation-id", "one"],
    ["append-history", *WP, "--note", "else", "--correlation-id", "one"],
    ["append-history", *WP, "--note", " ", "--correlation-id", "two"],
    ["transition", *WP, "--to", "claimed", "--correlation-id", "three"],
    ["transition", *WP, "--to", "claimed", *DECLARED, "--correlation-id", "four"],
    ["transition", *WP, "--to", "nowhere", "--correlation-id", "five"],
    ["transition", *WP, "--to", "done", "--evidence-json", "{}", "--correlation-id", "six"],
    ["transition", *WP, "--to", "planned", "--policy", "[", "--correlation-id", "seven"],
    ["heartbeat", *WP, "--correlation-id", "eight"],
    ["mission-state", *MISSION],
    ["list-ready", *MISSION],
]


def say(root: Path, words: list[str], *, is_plain: bool) -> Answer:
    printed = io.BytesIO()
    stdout = io.TextIOWrapper(printed, write_through=True)
    with contextlib.chdir(root), contextlib.redirect_stdout(stdout):
        code = plain_call.run(words) if is_plain else by_click.run(words)
    return Answer(raw=printed.getvalue(), exit_code=code)


def told(answered: Answer, root: Path) -> str:
    return normalized(envelope_of(answered.raw), root)


def test_a_call_without_click_gets_the_same_answer(
    scratch: ScratchProjects, tmp_path: Path
) -> None:
    roots = [scratch.project("single", tmp_path / name / "project") for name in ("a", "b")]
    for words in LINES:
        plain = say(roots[0], words, is_plain=True)
        clicked = say(roots[1], words, is_plain=False)
        assert plain.exit_code == clicked.exit_code, words
        assert told(plain, roots[0]) == told(clicked, roots[1]), words
        assert plain.raw.count(b"\n") == 1


@pytest.mark.parametrize("words", [words for _, words in NOT_UNDERSTOOD])
def test_an_invalid_call_without_click_gets_the_same_error(
    scratch: ScratchProjects, tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    root = scratch.project("single", tmp_path_factory.mktemp("words") / "project")
    plain = say(root, words, is_plain=True)
    if plain.exit_code is None:
        assert plain.raw == b""
        return
    clicked = say(root, words, is_plain=False)
    assert told(plain, root) == told(clicked, root)
    assert plain.exit_code == clicked.exit_code


def test_a_timeout_without_a_mailbox_is_left_to_click(
    scratch: ScratchProjects, tmp_path: Path
) -> None:
    assert plain_call.run(["mission-state", *MISSION, "--timeout-s", "5"]) is None


def test_the_program_answers_as_click_does(scratch: ScratchProjects, tmp_path: Path) -> None:
    root = scratch.project("single", tmp_path / "project")
    words = ["mission-state", *MISSION]
    done = run_program(root, "orchestrator-api", *words)
    program = Answer(raw=done.stdout, exit_code=done.returncode)
    assert told(program, root) == told(say(root, words, is_plain=False), root)
    assert (done.returncode, done.stderr) == (0, b"")
