"""`mailbox verify` reports log lines that the host did not write, and lines of the host that are missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.workflow import audit
from tests.integration.stage import SLUG, Stage
from tests.records import forget

NOTE = {"mission": SLUG, "wp": "WP01", "actor": "ada"}
NAME = f"kitty-specs/{SLUG}/status.events.jsonl"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A project whose log has three uncommitted notes."""
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission({"WP01": {}})
    for it in ("one", "two", "three"):
        made.done("append-history", note=it, **NOTE)
    return made


def log_differences(stage: Stage) -> list[str]:
    return [it.what for it in audit.compare_logs(Project(stage.root))]


def missing_events(stage: Stage) -> list[str]:
    project = Project(stage.root)
    return list(audit.find_missing_events(project, Journal(project)))


def forge_line(stage: Stage) -> None:
    """Append a log line that claims to be written by the host."""
    line: dict[str, Any] = stage.events()[-1] | {"event_id": "FORGED", "correlation_id": "forged"}
    with stage.log().open("a") as file:
        file.write(json.dumps(line) + "\n")


EDITS: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "actor": (
        lambda it: [it[0].replace('"ada"', '"eve"'), *it[1:]],
        f"{NAME} line 1: is not what the host wrote",
    ),
    "note": (
        lambda it: [*it[:2], it[2].replace("three", "four")],
        f"{NAME} line 3: is not what the host wrote",
    ),
    "twice": (
        lambda it: [*it, it[0]],
        f"{NAME} line 4: is repeated or out of order",
    ),
    "order": (
        lambda it: [it[1], it[0], it[2]],
        f"{NAME} line 2: is repeated or out of order",
    ),
    "marks": (lambda it: ["<<<<<<< ours\n", *it], f"{NAME} line 1: is not a JSON object"),
    "removed": (
        lambda it: [it[0], it[2]],
        f"{NAME} line 2: a line of the host is missing here or further down",
    ),
    "cut": (
        lambda it: it[:1],
        f"{NAME} lacks 2 of 3 lines; the host knows them, and writes them with the next change",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_changed_log_line_is_reported_and_repaired(stage: Stage, name: str) -> None:
    assert log_differences(stage) == []
    edit, complaint = EDITS[name]
    lines = stage.log().read_text().splitlines(keepends=True)
    stage.log().write_text("".join(edit(lines)))
    assert complaint in log_differences(stage)
    stage.ask("repair", actor="ada", policy=None)
    assert log_differences(stage) == []


def test_a_log_that_is_behind_on_another_branch_is_not_a_break(stage: Stage) -> None:
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "mission")
    stage.git("switch", "-q", "-c", "other")
    stage.log().write_text("")
    differences = audit.compare_logs(Project(stage.root))
    assert [it.is_break for it in differences] == [False]


def test_a_forged_host_line_is_reported_until_it_is_committed(stage: Stage) -> None:
    assert missing_events(stage) == []
    forge_line(stage)
    named = (
        f"mission {SLUG}: event FORGED of request forged is not journaled and is not in any commit"
    )
    assert missing_events(stage) == [named]
    stage.done("append-history", note="it is taken in", **NOTE)
    assert missing_events(stage) == [named]
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "the log")
    assert missing_events(stage) == []


def test_lines_committed_by_another_clone_are_accepted(stage: Stage, tmp_path: Path) -> None:
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "the log")
    clone = Stage(root=tmp_path / "clone")
    stage.git("clone", "-q", str(stage.root), str(clone.root))
    assert (missing_events(clone), log_differences(clone)) == ([], [])
    clone.done("append-history", note="in the clone", **NOTE)
    assert (missing_events(clone), log_differences(clone)) == ([], [])


def test_a_mission_that_is_not_checked_out_has_no_differences(stage: Stage) -> None:
    (stage.root / "kitty-specs").rename(stage.root / "elsewhere")
    assert (missing_events(stage), log_differences(stage)) == ([], [])


def test_without_a_record_the_log_has_no_differences(stage: Stage) -> None:
    forget(stage.root)
    assert log_differences(stage) == []
