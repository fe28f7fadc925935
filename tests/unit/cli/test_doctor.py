from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from specify_cli.cli.doctor import doctor
from tests.patience import LONGEST_S


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    tasks = tmp_path / "kitty-specs" / "001-search" / "tasks"
    tasks.mkdir(parents=True)
    (tasks.parent / "meta.json").write_text('{"target_branch": "main"}')
    (tasks / "WP01.md").write_text("---\ntitle: Index\n---\n")
    for words in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *words], check=True, timeout=LONGEST_S)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(doctor, words)


def test_a_sound_project_exits_with_0(project: Path) -> None:
    ended = run()
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert not (project / ".kitty").exists()


def test_problems_exit_with_1_and_are_printed_with_file_and_line(project: Path) -> None:
    prompt = "kitty-specs/001-search/tasks/WP01.md"
    (project / prompt).write_text("---\ntitle: Index\ndependencies: [WP09]\n---\n")
    ended = run()
    assert ended.exit_code == 1
    assert ended.stdout.startswith(f"{prompt}:3: error: ")


def test_notes_exit_with_0_and_can_be_fixed(project: Path) -> None:
    prompt = project / "kitty-specs" / "001-search" / "tasks" / "WP01.md"
    text = prompt.read_bytes()
    prompt.write_bytes(b"\xef\xbb\xbf" + text)
    assert run().exit_code == 0
    ended = run("--fix")
    assert (ended.exit_code, ": repaired: " in ended.stdout) == (0, True)
    assert prompt.read_bytes() == text
    assert run().stdout == ""


@pytest.mark.parametrize("words", [[], ["--fix"]])
def test_grants_with_which_no_worker_starts_are_a_problem(project: Path, words: list[str]) -> None:
    config = project / ".kitty" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text('[orchestrators.default]\ncommands = ["all"]\n')
    assert run(*words).exit_code == 0
    config.write_text('[orchestrators.default]\ncommands = "all"\n')
    ended = run(*words)
    assert ended.exit_code == 1
    assert ended.stdout.startswith(".kitty/config.toml: error: ")
    assert "at orchestrators.default.commands: it must be a list" in ended.stdout


@pytest.mark.parametrize("words", [["--mission", "nonsense"], ["--mission", "nonsense", "--fix"]])
def test_an_unknown_mission_exits_with_2(project: Path, words: list[str]) -> None:
    ended = run(*words)
    assert (ended.exit_code, ended.stdout) == (2, "")


def test_json_prints_the_envelope(project: Path) -> None:
    (project / "kitty-specs" / "001-search" / "meta.json").write_text("{")
    ended = run("--json", "--mission", "001-search")
    envelope = json.loads(ended.stdout)
    assert (ended.exit_code, envelope["command"]) == (1, "spec-kitty.diagnose")
    (finding,) = envelope["data"]["findings"]
    assert (finding["check"], finding["line"]) == ("meta", 1)


def test_control_characters_in_findings_are_escaped(project: Path) -> None:
    prompt = project / "kitty-specs" / "001-search" / "tasks" / "WP01.md"
    prompt.write_text('---\ndependencies: ["\\e[2J"]\n---\n')
    ended = run()
    assert ended.exit_code == 1
    assert "\x1b" not in ended.stdout
