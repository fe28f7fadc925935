"""Repeated and additional requests of people: notes, marks and packages."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from specify_cli.cli import workspace
from specify_cli.cli.main import root
from tests.integration.stage import SLUG, Stage

pytestmark = pytest.mark.long


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission({"WP01": {"subtasks": ["T001", "T002"]}, "WP02": {}})
    monkeypatch.chdir(made.root)
    return made


def typed(line: str) -> Result:
    return CliRunner().invoke(root, shlex.split(line), prog_name="spec-kitty")


def shown(line: str) -> str:
    result = typed(line)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("lane", ["blocked", "canceled"])
def test_a_note_can_be_added_to_a_blocked_or_canceled_package(stage: Stage, lane: str) -> None:
    stage.done("transition", mission=SLUG, wp="WP01", to=lane, actor="bo")
    assert "no reason was given (bo)" in shown("show WP01")
    added = shown(f"move WP01 {lane} --note 'waits for a decision' --actor ann")
    assert f"WP01 is {lane} already; the note was added" in added
    assert "waits for a decision (ann)" in shown("show WP01")
    shown(f"move WP01 {lane} --note 'and for a key' --actor ann")
    [package, _] = stage.done("mission-state", mission=SLUG)["work_packages"]
    assert package.get("blocked_note") == ("waits for a decision" if lane == "blocked" else None)
    assert "and for a key" in shown("log WP01")
    assert len([it for it in stage.events() if "to_lane" in it]) == 1


def test_the_first_note_of_a_blocked_package_stays_the_reason(stage: Stage) -> None:
    shown("move WP01 blocked --note first")
    shown("move WP01 blocked --note second")
    [package, _] = stage.done("mission-state", mission=SLUG)["work_packages"]
    assert package["blocked_note"] == "first"


def test_marking_a_finished_subtask_done_is_reported_and_not_recorded(stage: Stage) -> None:
    assert shown("tasks done T001").startswith("T001: done\n")
    again = shown("tasks done T001 T002")
    assert again.startswith("T001: done already\nT002: done\n")
    assert "T001 was done already" in shown(
        f"agent tasks mark-status T001 --status done --mission {SLUG}"
    )
    assert len(stage.events()) == 2


def test_subtasks_are_shown_with_their_titles(stage: Stage) -> None:
    [prompt] = stage.root.glob("kitty-specs/*/tasks/WP01*")
    prompt.write_text(f"{prompt.read_text()}\n- [ ] **T001**: Read \x1b[2Jthe query\n")
    (prompt.parent.parent / "tasks.md").write_text("## WP01 One\n\n- [ ] T002 Answer it\n")
    text = shown("show WP01")
    assert "[ ] T001 Read \\x1b[2Jthe query\n" in text
    assert "[ ] T002 Answer it\n" in text


@pytest.mark.parametrize("command", ["tasks remove WP01", "tasks edit WP01 --owns 'a/**'"])
def test_a_refusal_prints_the_suggested_command_once(stage: Stage, command: str) -> None:
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="me")
    refused = typed(command)
    assert refused.exit_code == 2
    assert refused.output.count("spec-kitty move WP01 canceled") == 1
    assert "\nnext: spec-kitty move WP01 canceled" in refused.output
    as_json = json.loads(typed(f"{command} --json").stdout)
    assert "spec-kitty move WP01 canceled" in as_json["data"]["message"]


def test_workspace_list_fits_a_narrow_terminal(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="me")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for columns in (60, 400):
        monkeypatch.setattr(
            shutil, "get_terminal_size", lambda c=columns: os.terminal_size((c, 24))
        )
        workspace.list_workspaces.callback(as_json=False)  # type: ignore[misc]
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= columns or columns == 60
        assert len(lines) == (3 if columns == 60 else 2)
    assert "MISSION" in lines[0]


def test_adding_the_same_package_again_adds_nothing(stage: Stage) -> None:
    add = f"tasks add {SLUG} Query --subtask 'parse it' --owns 'src/**'"
    assert "WP03: " in shown(add)
    again = shown(add)
    assert "WP03 is exactly this package already. To add another, give it another title" in again
    assert "WP04: " in shown(f"{add} --prompt Differently")
    assert len([*stage.root.glob("kitty-specs/*/tasks/WP*")]) == 4


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ({"orchestrator_id": 3}, 'at orchestrator_id: it must be a string, such as "nightly"'),
        ({}, 'at orchestrator_id: it is missing: give a string, such as "nightly"'),
    ],
)
def test_a_policy_refusal_names_the_field_and_an_example(
    stage: Stage, policy: dict[str, object], problem: str
) -> None:
    refused = stage.ask("start-implementation", policy=policy, mission=SLUG, wp="WP01", actor="me")
    assert refused["error_code"] == "POLICY_VALIDATION_FAILED"
    assert problem in refused["data"]["message"]
