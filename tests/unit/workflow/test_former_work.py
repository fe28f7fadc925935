"""Whoever continues a package is warned of work that its workspace lost or still has."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stage import SLUG, Stage

pytestmark = pytest.mark.long

PACKAGES = {
    "WP01": {"owned_files": ["a/**"]},
    "WP02": {"owned_files": ["b/**"]},
    "WP03": {"owned_files": ["a/**"], "dependencies": ["WP02"]},
    "WP04": {"owned_files": ["b/**"]},
}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission(PACKAGES)
    return made


def started(stage: Stage, wp_id: str) -> dict[str, Any]:
    return stage.done("start-implementation", mission=SLUG, wp=wp_id, actor="coder")


def test_a_start_that_drops_commits_prints_a_command_that_restores_them(
    stage: Stage,
) -> None:
    path = stage.approve("WP01", {"a/one": "1\n"})
    stage.approve("WP02", {"b/two": "2\n"})
    stage.commit({"a/late": "late\n"}, folder=path)
    late = stage.git("rev-parse", "HEAD", folder=path)
    (told,) = started(stage, "WP03")["warnings"]
    assert late in told
    assert not (path / "a" / "late").exists()
    subprocess.run(["sh", "-c", told.split("here: ")[1]], check=True, capture_output=True)
    assert (path / "a" / "late").exists()


def test_a_start_warns_of_uncommitted_files_left_in_the_workspace(stage: Stage) -> None:
    path = stage.approve("WP02", {"b/two": "2\n"})
    (path / "left").touch()
    (told,) = started(stage, "WP04")["warnings"]
    assert told.endswith("left")


def test_a_submission_without_a_workspace_names_the_submitted_commit(stage: Stage) -> None:
    path = stage.begin()
    stage.commit({"a/one": "1\n"}, folder=path)
    assert stage.run("sync").exit_code == 0
    tip = stage.git("rev-parse", "HEAD", folder=path)
    shutil.rmtree(path)
    move = {"mission": SLUG, "wp": "WP01", "actor": "coder", "to": "for_review"}
    (told,) = stage.done("transition", subtasks_complete=True, **move)["warnings"]
    assert tip in told


@pytest.mark.parametrize("is_link", [True, False])
def test_a_symlink_named_dot_git_is_not_reported_as_a_linked_worktree(
    stage: Stage, is_link: bool
) -> None:
    place = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    place.mkdir(parents=True)
    target = place / ("elsewhere" if is_link else ".git")
    target.write_text("gitdir: /nowhere\n")
    if is_link:
        (place / ".git").symlink_to("elsewhere")
    refused = stage.ask("start-implementation", mission=SLUG, wp="WP01", actor="coder")
    assert refused["error_code"] == "LANE_ALLOCATION_FAILED"
    assert ("linked worktree" in refused["data"]["message"]) != is_link
