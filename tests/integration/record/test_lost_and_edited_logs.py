"""Git or people remove or change a mission's log: the host loses nothing that it knows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.copies import copied
from tests.integration.stage import SLUG, Stage

CHANGES = {"to": "in_progress", "force": True, "note": "its approval is withdrawn"}


@pytest.fixture
def worked(stage: Stage) -> Stage:
    """WP01 is held by ada, the approval of WP02 was withdrawn; the log is not committed."""
    folder = stage.write_mission(
        {
            "WP01": {"owned_files": ["src/one/**"]},
            "WP02": {"owned_files": ["src/two/**"]},
            "WP03": {"owned_files": ["src/three/**"]},
        }
    )
    (stage.root / ".gitignore").write_text(".kitty/\n.worktrees/\n")
    stage.git("add", ".gitignore", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ada")
    stage.approve("WP02", {"src/two/two.py": "2\n"})
    stage.done("transition", mission=SLUG, wp="WP02", actor="ada", **CHANGES)
    return stage


def edit(stage: Stage) -> None:
    log = stage.log()
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(line.replace('"ada"', '"mallory"') for line in lines[1:]))


def move_away(stage: Stage) -> None:
    stage.log().rename(stage.root / "kept-by-somebody.jsonl")


def forget_the_end(stage: Stage) -> None:
    log = stage.log()
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:1]))


GIT: dict[str, Callable[[Stage], Any]] = {
    "stash": lambda stage: stage.git("stash", "-q", "-u"),
    "stash and pop": lambda stage: (
        stage.git("stash", "-q", "-u"),
        stage.git("stash", "pop", "-q"),
    ),
    "clean": lambda stage: stage.git("clean", "-qfd"),
    "clean with what is ignored": lambda stage: stage.git("clean", "-qfdx"),
    "reset": lambda stage: (stage.git("add", "-A"), stage.git("reset", "-q", "--hard")),
    "checkout": lambda stage: stage.git("checkout", "-q", "--", "."),
    "remove": lambda stage: stage.log().unlink(),
    "move": move_away,
    "empty": lambda stage: stage.log().write_bytes(b""),
    "cut": forget_the_end,
    "zeros": lambda stage: stage.log().write_bytes(b"\0" * stage.log().stat().st_size),
}


IN_TABLE = (
    "stash",
    "stash and pop",
    "clean",
    "clean with what is ignored",
    "reset",
    "checkout",
    "remove",
)
"""Covered in more detail by `test_git_operations.py`; here these only run in the campaign."""


def nothing_is_lost(stage: Stage) -> None:
    """Check that a held package cannot be claimed and no approval comes back."""
    assert (stage.lane("WP01"), stage.lane("WP02")) == ("in_progress", "in_progress")
    other = stage.ask("start-implementation", mission=SLUG, wp="WP01", actor="bo")
    assert (other["error_code"], other["data"]["claimed_by"]) == ("WP_ALREADY_CLAIMED", "ada")
    merge = stage.ask("merge-mission", mission=SLUG, actor="ada")
    assert merge["error_code"] == "PREFLIGHT_FAILED"


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(way, id=name, marks=pytest.mark.campaign if name in IN_TABLE else ())
        for name, way in GIT.items()
    ],
)
def test_next_change_restores_missing_log_lines(worked: Stage, way: Callable[[Stage], Any]) -> None:
    before = worked.events()
    way(worked)
    nothing_is_lost(worked)
    worked.done("append-history", mission=SLUG, wp="WP03", actor="ada", note="goes on")
    assert worked.events()[:-1] == before
    assert worked.events()[-1]["delta"] == {"note": "goes on"}
    assert "warnings" not in worked.done("mission-state", mission=SLUG, policy=None)


@pytest.mark.parametrize("words", [("mailbox", "serve", "--once"), ("doctor", "--fix")])
def test_worker_start_and_doctor_restore_missing_log_lines(
    worked: Stage, words: tuple[str, ...]
) -> None:
    before = worked.events()
    worked.git("clean", "-qfd")
    shown = worked.run("status", SLUG)
    assert (shown.exit_code, b"lacks 8 of 8 lines" in shown.stderr) == (0, True), shown
    worked.run(*words)
    assert worked.events() == before
    assert b"warning" not in worked.run("status", SLUG).stderr


def test_edited_log_line_is_reported_and_restored_by_doctor(worked: Stage) -> None:
    before = worked.events()
    edit(worked)
    assert worked.lane("WP01") == "in_progress"
    refused = worked.ask("append-history", mission=SLUG, wp="WP03", actor="ada", note="n")
    assert refused["error_code"] == "STATE_UNREADABLE"
    assert "spec-kitty doctor --fix" in refused["data"]["message"]
    assert b"is not what the host wrote" in worked.run("status", SLUG).stderr
    assert worked.run("doctor", "--fix").exit_code == 0
    assert worked.events() == before


def test_branch_without_the_mission_is_not_shown_as_an_empty_board(worked: Stage) -> None:
    worked.git("switch", "-q", "--orphan", "empty")
    shutil.rmtree(worked.root / "kitty-specs", ignore_errors=True)
    refused = worked.ask("mission-state", mission=SLUG, policy=None)
    assert refused["error_code"] == "MISSION_NOT_FOUND"
    assert "its folder was on main last; 'git switch main'" in refused["data"]["message"]
    shown = worked.run("status")
    assert shown.exit_code == 1
    assert b"the host knows 001-search (on main last); 'git switch main'" in shown.stderr
    worked.git("switch", "-q", "main")
    nothing_is_lost(worked)


def test_older_log_of_another_branch_is_not_written(worked: Stage) -> None:
    log = str(worked.log())
    worked.git("add", log)
    worked.git("commit", "-q", "-m", "the log")
    worked.git("branch", "older")
    worked.done("append-history", mission=SLUG, wp="WP03", actor="ada", note="on main")
    worked.git("add", log)
    worked.git("commit", "-q", "-m", "its newest line")
    worked.git("switch", "-q", "older")
    nothing_is_lost(worked)
    worked.done("append-history", mission=SLUG, wp="WP03", actor="ada", note="on older")
    assert worked.git("status", "--porcelain", "--", log) == ""
    assert (
        b"does not write them now, because it was last written on main"
        in worked.run("status", SLUG).stderr
    )
    worked.git("switch", "-q", "main")
    worked.done("append-history", mission=SLUG, wp="WP03", actor="ada", note="on main again")
    notes = [it["delta"]["note"] for it in worked.events() if it.get("delta")]
    assert notes == ["on main", "on older", "on main again"]


def test_acceptance_on_another_branch_commits_the_log_there(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "mission")
    stage.approve("WP01", {"one.txt": "1\n"})
    stage.log().unlink()
    stage.git("switch", "-q", "-c", "topic")
    stage.done("accept-mission", mission=SLUG, actor="ada")
    assert stage.git("status", "--porcelain", "--", "kitty-specs") == ""
    assert stage.events()[-1]["kind"] == "mission_accepted"


def test_doctor_removes_conflict_markers_from_the_log(worked: Stage) -> None:
    before = worked.events()
    lines = worked.log().read_bytes().splitlines(keepends=True)
    marked = [
        *lines[:4],
        b"<<<<<<< Updated\n",
        *lines[4:6],
        b"=======\n",
        *lines[6:],
        b">>>>>>> S\n",
    ]
    worked.log().write_bytes(b"".join(marked))
    assert b"spec-kitty doctor --fix" in worked.run("doctor").stdout
    assert worked.run("doctor", "--fix").exit_code == 0
    assert worked.events() == before


def test_doctor_with_mission_writes_the_log_on_the_current_branch(worked: Stage) -> None:
    before = worked.events()
    worked.git("switch", "-q", "-c", "topic")
    worked.log().unlink()
    assert b"does not write them now" in worked.run("status", SLUG).stderr
    assert worked.run("doctor", "--fix").exit_code == 0
    assert worked.events() == []
    assert worked.run("doctor", "--fix", "--mission", SLUG).exit_code == 0
    assert worked.events() == before


def test_renamed_mission_keeps_its_history(stage: Stage) -> None:
    folder = stage.write_mission({"WP01": {}}, mission_id="01JA0000000000000000000001")
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ada")
    stage.log().unlink()
    folder.rename(folder.with_name("001-found"))
    assert stage.lane("WP01", "001-found") == "in_progress"


def test_moved_project_keeps_its_history(worked: Stage) -> None:
    worked.log().unlink()
    moved = Stage(root=worked.root.rename(worked.root.with_name("elsewhere")))
    assert moved.lane("WP01") == "in_progress"
    moved.done("append-history", mission=SLUG, wp="WP03", actor="ada", note="n")
    assert len(moved.events()) == 9


def test_copy_of_the_project_has_a_record_of_its_own(worked: Stage, tmp_path: Path) -> None:
    copy = Stage(root=copied(worked.root, tmp_path / "copy"))
    copy.done("append-history", mission=SLUG, wp="WP03", actor="ada", note="in the copy")
    assert len(copy.events()) == len(worked.events()) + 1
    worked.log().unlink()
    worked.done("append-history", mission=SLUG, wp="WP03", actor="ada", note="here")
    assert "in the copy" not in json.dumps(worked.events())
