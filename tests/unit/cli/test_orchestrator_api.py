from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from specify_cli.cli import orchestrator_api as door
from specify_cli.orchestrator_api import registry
from tests.integration.stage import ENVELOPE_KEYS, POLICY, SLUG, Stage, flags

NOTE = {"wp": "WP01", "actor": "coder", "note": "n"}


class Prompt:
    """The command line in this process, in a real project."""

    def __init__(self, stage: Stage, capture: pytest.CaptureFixture[bytes]) -> None:
        self.stage = stage
        self._capture = capture

    def ask(self, *words: str) -> tuple[int, dict[str, Any]]:
        exit_code = door.run(words)
        said = self._capture.readouterr()
        assert said.err == b""
        assert said.out.count(b"\n") == 1
        envelope: dict[str, Any] = json.loads(said.out)
        assert set(envelope) == ENVELOPE_KEYS
        return exit_code, envelope


@pytest.fixture
def prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Prompt:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    stage = Stage(root=tmp_path / "project")
    stage.make_repository()
    stage.write_mission({"WP01": {}})
    monkeypatch.chdir(stage.root)
    return Prompt(stage, capfdbinary)


def test_success_exits_with_0_and_a_refusal_with_1(prompt: Prompt) -> None:
    assert prompt.ask("append-history", *flags(**NOTE))[0] == 0
    exit_code, envelope = prompt.ask("append-history", *flags(mission="none", **NOTE))
    assert (exit_code, envelope["error_code"]) == (1, "MISSION_NOT_FOUND")


USAGE_ERRORS = {
    "no command": [],
    "an unknown command": ["orchestrate"],
    "a command for people": ["create-mission", "--title", "x"],
    "an unknown flag": ["mission-state", "--mission", SLUG, "--json"],
    "an old flag": ["mission-state", "--feature", SLUG],
    "an abbreviated flag": ["mission-state", "--miss", SLUG],
    "a flag of another command": ["mission-state", "--mission", SLUG, "--wp", "WP01"],
    "an id for a read": ["mission-state", "--mission", SLUG, "--correlation-id", "one"],
    "a missing flag": ["append-history", "--mission", SLUG],
    "a flag without its value": ["mission-state", "--mission"],
    "an empty value": ["mission-state", "--mission", ""],
    "an extra argument": ["mission-state", "--mission", SLUG, "extra"],
    "a result that is not JSON": [
        "transition",
        *flags(wp="WP01", to="done", actor="r"),
        "--review-result-json",
        "approved",
    ],
    "evidence of a wrong shape": [
        "transition",
        *flags(wp="WP01", to="done", actor="r"),
        "--evidence-json",
        '{"review": {"verdict": "approved"}}',
    ],
    "an unknown lane": ["transition", *flags(wp="WP01", to="nowhere", actor="r")],
    "an id with a slash": ["append-history", *flags(**NOTE), "--correlation-id", "../x"],
    "an id that begins with a dot": ["append-history", *flags(**NOTE), "--correlation-id", ".x"],
    "an id that is too long": ["append-history", *flags(**NOTE), "--correlation-id", "x" * 129],
    "an empty id": ["append-history", *flags(**NOTE), "--correlation-id", ""],
}


@pytest.mark.parametrize("what", USAGE_ERRORS)
def test_a_usage_error_exits_with_2_and_appends_no_event(prompt: Prompt, what: str) -> None:
    words = USAGE_ERRORS[what]
    exit_code, envelope = prompt.ask(*words)
    assert (exit_code, envelope["error_code"]) == (2, "USAGE_ERROR")
    known = bool(words) and words[0] in registry.CONTRACT_COMMANDS
    assert envelope["command"] == f"orchestrator-api.{words[0] if known else 'unknown'}"
    assert prompt.stage.events() == []


def test_the_envelope_has_the_given_or_a_generated_correlation_id(
    prompt: Prompt,
) -> None:
    given = prompt.ask("append-history", *flags(**NOTE), "--correlation-id", "mine")[1]
    assert given["correlation_id"] == "mine"
    minted = {prompt.ask("append-history", *flags(**NOTE))[1]["correlation_id"] for _ in range(2)}
    assert len(minted) == 2
    assert all(len(x) == 37 and x.startswith("corr-") for x in minted)


@pytest.mark.parametrize("ending", [["--bogus"], ["extra"], []])
def test_a_usage_error_has_the_given_correlation_id(prompt: Prompt, ending: list[str]) -> None:
    words = ["append-history", "--mission", SLUG, "--correlation-id", "mine", *ending]
    assert prompt.ask(*words)[1]["correlation_id"] == "mine"


def test_a_repeated_id_returns_the_same_answer_and_appends_one_event(prompt: Prompt) -> None:
    words = ["append-history", *flags(**NOTE), "--correlation-id", "mine"]
    assert prompt.ask(*words) == prompt.ask(*words)
    assert len(prompt.stage.events()) == 1


def test_reads_create_no_files(prompt: Prompt) -> None:
    for words in (["mission-state"], ["list-ready"], ["resolve-workspace", "--wp", "WP01"]):
        assert prompt.ask(*words, "--mission", SLUG)[0] == 0
    assert prompt.ask("contract-version")[0] == 0
    assert not (prompt.stage.root / ".kitty").exists()
    assert not (prompt.stage.root / ".worktrees").exists()


def test_a_policy_of_null_counts_as_missing(prompt: Prompt) -> None:
    words = ["start-implementation", *flags(wp="WP01", actor="coder"), "--policy", "null"]
    assert prompt.ask(*words)[1]["error_code"] == "POLICY_METADATA_REQUIRED"


def test_flags_may_be_written_with_an_equals_sign(prompt: Prompt) -> None:
    words = [f"--mission={SLUG}", "--wp=WP01", "--actor=-dash", f"--policy={json.dumps(POLICY)}"]
    assert prompt.ask("start-implementation", *words)[0] == 0
    assert prompt.stage.events()[0]["actor"] == "-dash"


@pytest.mark.parametrize("version", ["0.1.0", "1.0.0", "0.1", "1", "2026.11.28.3"])
def test_a_supported_provider_version_is_accepted(prompt: Prompt, version: str) -> None:
    data = prompt.ask("contract-version", "--provider-version", version)[1]["data"]
    assert data["api_version"] == "1.5.0"


@pytest.mark.parametrize("version", ["0.0.9", "0.1.0-rc.1", "", "new", "0", "\x1b"])
def test_an_old_or_invalid_provider_version_is_refused(prompt: Prompt, version: str) -> None:
    exit_code, envelope = prompt.ask("contract-version", "--provider-version", version)
    assert (exit_code, envelope["error_code"]) == (1, "CONTRACT_VERSION_MISMATCH")
    told = {name: envelope["data"][name] for name in ("provider_version", "api_version")}
    assert told == {"provider_version": version, "api_version": "1.5.0"}
    assert envelope["data"]["min_supported_provider_version"] == "0.1.0"


WRONG_POLICIES = ["{", '{"a":1,"a":2}', "{} {}", "5", "[" * 200, '{"a":NaN}', "[" * 200 + "]" * 200]


@pytest.mark.parametrize("text", WRONG_POLICIES)
def test_a_policy_that_is_not_a_json_object_is_refused(prompt: Prompt, text: str) -> None:
    for command, words in (
        ("start-review", flags(wp="WP01", actor="r")),
        ("merge-mission", flags()),
    ):
        exit_code, envelope = prompt.ask(command, *words, "--policy", text)
        assert (exit_code, envelope["error_code"]) == (1, "POLICY_VALIDATION_FAILED")
        assert envelope["data"]["field"] == "policy"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_policy_counts_as_missing(prompt: Prompt, text: str) -> None:
    for command, words in (
        ("start-review", flags(wp="WP01", actor="r")),
        ("merge-mission", flags()),
    ):
        exit_code, envelope = prompt.ask(command, *words, "--policy", text)
        assert (exit_code, envelope["error_code"]) == (1, "POLICY_METADATA_REQUIRED")


SECRET = "ghp_" + "fake" * 5


@pytest.mark.parametrize(
    "words",
    [
        [SECRET],
        ["mission-state", "--mission", SECRET],
        ["mission-state", f"--{SECRET}", "x"],
        ["mission-state", "--mission", SLUG, SECRET],
        ["append-history", *flags(**(NOTE | {"actor": SECRET}))],
        ["append-history", *flags(**NOTE), "--correlation-id", SECRET],
        ["append-history", *flags(**NOTE), "--timeout-s", SECRET],
        ["append-history", *flags(**(NOTE | {"wp": SECRET}))],
        ["transition", *flags(wp="WP01", to=SECRET, actor="r")],
        [
            "transition",
            *flags(wp="WP01", to="done", actor="r"),
            "--evidence-json",
            f'{{"{SECRET}": 1}}',
        ],
        ["merge-mission", *flags(strategy=SECRET)],
        ["merge-mission", *flags(target=SECRET)],
        ["contract-version", "--provider-version", SECRET],
        ["merge-mission", *flags(), "--policy", f'{{"{SECRET}":1,"{SECRET}":2}}'],
        ["merge-mission", *flags(), "--policy", '{"my-secret-token":1,"my-secret-token":2}'],
    ],
)
def test_a_refused_value_is_neither_echoed_nor_written(prompt: Prompt, words: list[str]) -> None:
    envelope = prompt.ask(*words)[1]
    assert not envelope["success"]
    told = json.dumps(envelope)
    files = [path for path in prompt.stage.root.rglob("*") if path.is_file()]
    told += "".join(path.read_bytes().decode("latin-1") for path in files)
    assert SECRET not in told
    assert "my-secret-token" not in told
