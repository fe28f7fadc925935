"""A mission in the record whose folder is missing is reported with the command that restores it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stage import SLUG, Stage

NOTE = {"mission": SLUG, "wp": "WP01", "actor": "ada", "note": "n"}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission({"WP01": {}}, mission_id="01JA0000000000000000000001")
    made.done("append-history", **NOTE)
    return made


def found(stage: Stage) -> dict[str, Any]:
    findings = stage.ask("diagnose", policy=None)["data"]["findings"]
    missing = [it for it in findings if it["check"] == "not-checked-out"]
    return missing[0] if missing else {}


def paste(stage: Stage) -> None:
    (command,) = re.findall("'(git [^']*)'", found(stage)["repair"])
    subprocess.run(["bash", "-c", command], cwd=stage.root, check=True, capture_output=True)


def commit(stage: Stage) -> None:
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "mission")


def test_a_mission_that_is_checked_out_is_not_reported(stage: Stage) -> None:
    assert found(stage) == {}


def test_a_mission_on_another_branch_is_a_note(stage: Stage) -> None:
    commit(stage)
    stage.git("switch", "-q", "-c", "other", "HEAD~1")
    assert found(stage)["severity"] == "note"
    paste(stage)
    assert (found(stage), stage.lane("WP01")) == ({}, "planned")


def test_the_advice_restores_a_removed_mission_from_the_commit(stage: Stage) -> None:
    commit(stage)
    shutil.rmtree(stage.root / "kitty-specs" / SLUG)
    assert found(stage)["severity"] == "warning"
    paste(stage)
    assert (found(stage), len(stage.events())) == ({}, 1)


def test_the_advice_restores_a_stashed_mission_from_the_stash(stage: Stage) -> None:
    stage.git("stash", "-q", "-u")
    assert found(stage)["severity"] == "warning"
    paste(stage)
    assert (found(stage), len(stage.events())) == ({}, 1)


def test_a_removed_mission_that_was_never_committed_is_reported_as_a_note(stage: Stage) -> None:
    shutil.rmtree(stage.root / "kitty-specs" / SLUG)
    assert found(stage)["severity"] == "note"
    assert "on purpose" in found(stage)["repair"]


def test_a_renamed_mission_is_not_reported_under_its_old_name(stage: Stage) -> None:
    folder = stage.root / "kitty-specs"
    (folder / SLUG).rename(folder / "001-found")
    assert found(stage) == {}
