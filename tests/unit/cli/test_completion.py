from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from specify_cli.cli import completion, completion_names
from specify_cli.cli.completion import SHELLS, VARIABLE
from specify_cli.cli.main import COMPLETING, GROUPS, root
from specify_cli.vcs import merge_strategies


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    monkeypatch.setenv(COMPLETING, "bash_complete")
    monkeypatch.chdir(tmp_path)
    add_mission(tmp_path, "001-search", "WP01", "WP02")
    return tmp_path


def add_mission(project: Path, slug: str, *packages: str) -> Path:
    folder = project / "kitty-specs" / slug
    (folder / "tasks").mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"title": "Search \x1b[2J"}))
    for wp_id in packages:
        (folder / "tasks" / f"{wp_id}.md").write_text(f"---\ntitle: Title of {wp_id}\n---\n")
    return folder


def completed(*words: str) -> list[str]:
    """The completions of the last word."""
    shell = ShellComplete(root, {}, "spec-kitty", VARIABLE)
    items = shell.get_completions(list(words[:-1]), words[-1])
    assert all((item.help or "").isprintable() for item in items)
    return [item.value for item in items]


def test_commands_are_completed(project: Path) -> None:
    assert completed("") == list(GROUPS)
    assert completed("st") == ["status"]


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["tasks", "list"],
        ["doctor", "--mission"],
        ["implement", "--mission"],
        ["agent", "tasks", "mark-status", "--mission"],
        ["agent", "mission", "finalize-tasks", "--mission"],
        ["orchestrator-api", "mission-state", "--mission"],
    ],
)
def test_missions_are_completed_for_every_mission_argument(project: Path, words: list[str]) -> None:
    add_mission(project, "002-other")
    assert completed(*words, "") == ["001-search", "002-other"]
    assert completed(*words, "002") == ["002-other"]


@pytest.mark.parametrize(
    "words",
    [
        ["implement"],
        ["review"],
        ["tasks", "add", "001-search", "Third", "--depends-on"],
        ["orchestrator-api", "start-review", "--mission", "1", "--wp"],
    ],
)
def test_packages_are_completed_for_every_package_argument(project: Path, words: list[str]) -> None:
    assert completed(*words, "") == ["WP01", "WP02"]
    assert completed(*words, "WP02") == ["WP02"]


def test_packages_of_the_named_mission_are_completed(project: Path) -> None:
    add_mission(project, "002-other", "WP07")
    assert completed("implement", "--mission", "002-other", "") == ["WP07"]
    assert completed("implement", "") == []


def test_names_with_spaces_or_shell_characters_are_not_completed(project: Path) -> None:
    add_mission(project, "two words;rm")
    assert completed("status", "") == ["001-search"]


@pytest.mark.parametrize("damage", ["meta.json", "tasks/WP01.md"])
def test_completion_in_an_unreadable_project_is_silent(
    project: Path, damage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "kitty-specs" / "001-search" / damage).write_bytes(b"\xff")
    assert completed("implement", "") == []
    assert capfd.readouterr() == ("", "")


def test_completion_outside_of_a_project_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPECIFY_REPO_ROOT", str(tmp_path / "nowhere"))
    monkeypatch.setenv(COMPLETING, "bash_complete")
    assert completed("status", "") == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_completion_script_calls_the_program(shell: str) -> None:
    ended = CliRunner().invoke(root, ["completion", shell])
    assert ended.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in ended.stdout


def test_an_unknown_shell_is_a_usage_error() -> None:
    assert CliRunner().invoke(root, ["completion", "cmd"]).exit_code == 2


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["move", "WP01", "bl"], ["blocked"]),
        (
            ["orchestrator-api", "transition", "--mission", "1", "--to", "in_"],
            ["in_progress", "in_review"],
        ),
        (["merge", "--strategy", ""], ["merge", "squash", "rebase"]),
        (["status", "wp"], ["WP01", "WP02"]),
        (["tasks", "done", ""], ["T001", "T002", "WP01"]),
        (["agent", "tasks", "mark-status", "--mission", "1", "T001", "T"], ["T002"]),
        (["contract", "show", "lan"], ["lanes"]),
        (["contract", "verify", "--capability", "no-j"], ["no-journal"]),
        (["help", "orch"], ["orchestrator-api", "orchestrators"]),
        (["help", "op"], ["operators"]),
        (["help", "st"], ["status"]),
        (["help", "mailbox", "se"], ["serve"]),
        (["help", "status", ""], []),
    ],
)
def test_values_are_completed_by_argument(
    project: Path, words: list[str], offered: list[str]
) -> None:
    tasks = "# Tasks\n\n## WP01\n\n- [ ] T001 one\n- [ ] T002 two\n- [x] T003 three\n"
    (project / "kitty-specs" / "001-search" / "tasks.md").write_text(tasks)
    assert completed(*words) == offered


def test_completed_strategies_equal_those_of_merge() -> None:
    assert set(completion_names.STRATEGIES) == set(merge_strategies.STRATEGIES)


def test_request_and_event_ids_are_completed_from_the_journal(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(COMPLETING)
    blocked = CliRunner().invoke(root, ["move", "WP01", "blocked", "--note", "waits"])
    assert blocked.exit_code == 0, blocked.output
    monkeypatch.setenv(COMPLETING, "bash_complete")
    [request] = completed("mailbox", "show", "")
    [event] = completed("mission", "rewind", "001-search", "--to", "")
    assert request.startswith("corr-")
    assert completed("redact", "") == [request, event]
    assert completed("orchestrator-api", "transition", "--correlation-id", "") == []


@pytest.mark.parametrize(
    ("split", "whole"),
    [
        (["a", "--mission", "=", "1", "b"], ["a", "--mission=1", "b"]),
        (["a", "--mission", "="], ["a", "--mission"]),
        (["a", "=", "b"], ["a", "=", "b"]),
        ([], []),
    ],
)
def test_words_split_by_bash_at_equals_signs_are_joined(split: list[str], whole: list[str]) -> None:
    assert completion.joined(split) == whole


def test_a_name_that_looks_like_an_option_is_not_completed(project: Path) -> None:
    add_mission(project, "-rf")
    assert completed("status", "") == ["001-search"]
