"""People create a mission, see its board, and get clear errors."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from specify_cli.cli.main import root
from specify_cli.cli.orchestrator_api import orchestrator_api
from specify_cli.storage.layout import Layout
from tests.integration.stage import ENVELOPE_KEYS, POLICY, Outcome, Stage, flags
from tests.unit.cli.people_pages import pages


def said(answer: Outcome) -> str:
    """The stdout of a successful command, without control characters."""
    assert answer.exit_code == 0, answer
    assert b"\x1b" not in answer.stdout
    return answer.stdout.decode()


def test_commands_create_a_mission_with_packages_and_a_board(stage: Stage) -> None:
    assert "project:" in said(stage.run("init"))
    assert "project:" in said(stage.run("init"))
    assert "001-full-text-search" in said(stage.run("mission", "create", "Full-text: Search!"))
    owns = ["--owns", "src/index/**", "--subtask", "build it", "--subtask", "test it"]
    assert "WP01" in said(stage.run("tasks", "add", "1", "Größe: ---\n---", *owns))
    assert "WP02" in said(stage.run("tasks", "add", "1", "Query", "--depends-on", "WP01"))
    said(stage.run("tasks", "finalize", "1"))
    board = said(stage.run("status"))
    assert "WP01" in board
    assert "planned" in board
    assert "Größe" in board
    ready = stage.api("list-ready", *flags(mission="1")).envelope["data"]
    assert [package["wp_id"] for package in ready["ready_work_packages"]] == ["WP01"]


def test_init_creates_a_private_mailbox_and_no_untracked_files(stage: Stage) -> None:
    said(stage.run("init"))

    assert (stage.root / ".kitty" / "inbox").is_dir()
    assert (Layout(stage.root).host).stat().st_mode & 0o077 == 0
    assert stage.git("status", "--porcelain", "--untracked-files=all") == ""


def test_start_inside_the_workspace_to_replace_prints_a_cd_command(
    stage: Stage,
) -> None:
    owned = {"owned_files": ["src/**"]}
    stage.write_mission({"WP01": owned, "WP02": owned})
    said(stage.run("implement", "WP01"))
    worktree = stage.root / ".worktrees" / "001-search-lane-a"
    stage.commit({"src/a.txt": "a\n"}, folder=worktree)
    said(stage.run("move", "WP01", "blocked"))

    refused = stage.run("implement", "WP02", "--actor", "ann", cwd=worktree)
    assert refused.exit_code == 1
    assert f"cd {stage.root} && spec-kitty implement WP02".encode() in refused.stderr
    taken = said(stage.run("implement", "WP02", "--actor", "ann"))

    assert "# WP02" in taken
    assert taken.endswith("next: spec-kitty implement WP02 --done --actor ann\n")


def test_agents_mark_subtasks_from_inside_their_workspace(stage: Stage) -> None:
    stage.run("mission", "create", "Search")
    stage.run("tasks", "add", "1", "Index", "--subtask", "one", "--subtask", "two")
    stage.commit({"kitty-specs/001-search/meta.json": '{"mission_slug": "001-search"}'})
    started = stage.api(
        "start-implementation", *flags(mission="1", wp="WP01", actor="coder", policy=POLICY)
    )
    worktree = Path(started.envelope["data"]["workspace_path"])
    assert (worktree / "kitty-specs").is_dir()
    words = ["agent", "tasks", "mark-status", "T001", "T002", "--status", "done", "--mission", "1"]
    marked = stage.run(*words, "--json", cwd=worktree)
    assert marked.exit_code == 0
    assert set(marked.envelope) == ENVELOPE_KEYS
    assert stage.git("status", "--porcelain", folder=worktree) == ""
    marks = [event["delta"] for event in stage.events() if event.get("kind") == "annotation"]
    assert marks == [{"subtasks": {"T001": "done", "T002": "done"}}]
    state = stage.api("mission-state", *flags(mission="1"), cwd=worktree).envelope["data"]
    assert "2/2" in said(stage.run("status", cwd=worktree))
    assert state["summary"]["in_progress"] == 1


def test_marking_is_all_or_nothing(stage: Stage) -> None:
    stage.write_mission({"WP01": {"subtasks": ["T001"]}})
    words = ["T001", "T404", "--status", "done", "--mission", "1"]
    refused = stage.run("agent", "tasks", "mark-status", *words)
    assert refused.exit_code == 2
    assert stage.events() == []


def test_agent_finalize_tasks_prints_one_json_object(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    words = ["agent", "mission", "finalize-tasks", "--mission", "001-search", "--json"]
    finalized = stage.run(*words)
    assert finalized.exit_code == 0
    assert json.loads(finalized.stdout)["success"] is True
    assert (stage.root / "kitty-specs" / "001-search" / "lanes.json").is_file()


@pytest.mark.parametrize(
    "packages",
    [
        {"WP01": {"dependencies": ["WP02"]}, "WP02": {"dependencies": ["WP01"]}},
        {"WP01": {"dependencies": ["WP01"]}},
        {"WP01": {"dependencies": ["WP09"]}},
    ],
)
def test_packages_with_invalid_dependencies_are_not_finalized(
    stage: Stage, packages: dict[str, dict[str, list[str]]]
) -> None:
    stage.write_mission(packages)
    refused = stage.run("tasks", "finalize", "1")
    assert refused.exit_code == 2
    assert b"WP01" in refused.stderr
    assert not (stage.root / "kitty-specs" / "001-search" / "lanes.json").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["status", "404-none"],
        ["tasks", "list", "404-none"],
        ["tasks", "finalize", "404-none"],
        ["tasks", "add", "404-none", "title"],
        ["agent", "tasks", "mark-status", "T001", "--status", "done", "--mission", "404-none"],
        ["agent", "mission", "finalize-tasks", "--mission", "404-none"],
    ],
)
def test_unknown_mission_is_reported_on_stderr_with_exit_code_1(
    stage: Stage, words: list[str]
) -> None:
    refused = stage.run(*words)
    assert (refused.exit_code, refused.stdout) == (1, b"")
    assert b"MISSION_NOT_FOUND" in refused.stderr
    assert b"Traceback" not in refused.stderr


def test_init_outside_a_repository_creates_nothing(tmp_path: Path) -> None:
    nowhere = Stage(root=tmp_path)
    refused = nowhere.run("init")
    assert refused.exit_code in (1, 2)
    assert b"git init" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_status_and_tasks_list_escape_control_characters(stage: Stage) -> None:
    stage.write_mission({"WP01": {"title": "\x1b[2Jgone"}})
    actor = "\x1b]0;owned\x07coder"
    stage.done("start-implementation", mission="1", wp="WP01", actor=actor)
    for words in (["status"], ["tasks", "list", "1"]):
        answer = stage.run(*words)
        assert answer.exit_code == 0
        assert not {b"\x1b", b"\x07"} & {bytes([byte]) for byte in answer.stdout}


# Help.


PAGES = list(pages())


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_every_help_page_has_an_example(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        root.main(args=[*words, "--help"], prog_name="spec-kitty")
    assert ended.value.code == 0
    page = capsys.readouterr().out
    assert "Example" in page
    assert "spec-kitty" in page.partition("Example")[2]


@pytest.mark.parametrize("words", [[], ["orchestrator-api"], ["orchestrator-api", "transition"]])
def test_help_is_printed_as_text(stage: Stage, words: list[str]) -> None:
    answer = stage.run(*words, "--help")
    assert (answer.exit_code, answer.stderr) == (0, b"")
    assert answer.stdout.startswith(b"Usage: spec-kitty")


def test_every_contract_command_has_a_help_page() -> None:
    listed = {words[1] for words in PAGES if words[:1] == ("orchestrator-api",) and words[1:]}
    assert listed == set(orchestrator_api.list_commands(click.Context(orchestrator_api)))
