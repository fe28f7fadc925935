"""The workspace of an execution lane is created, kept, replaced or refused."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from specify_cli import processes
from specify_cli.storage.layout import Layout
from specify_cli.vcs import scratch_repository, trash
from tests.integration.stage import SLUG, Stage
from tests.unit.workflow.lane_workspaces.starts import (
    BRANCH,
    LANE,
    begun,
    inode,
    refused,
    remains,
    start,
    state,
)

pytestmark = pytest.mark.long


def to(stage: Stage, lane: str, wp_id: str = "WP01", **more: Any) -> dict[str, Any]:
    return stage.done(
        "transition", mission=SLUG, wp=wp_id, to=lane, actor="coder", force=True, note="n", **more
    )


def place(stage: Stage) -> Path:
    return stage.root / ".worktrees" / LANE


# Something already exists at the path of the workspace.


@pytest.mark.parametrize(
    "kind", ["folder", "file", "link to nothing", "link to a folder", "repository"]
)
def test_a_start_refuses_and_keeps_anything_else_at_the_workspace_path(
    stage: Stage, kind: str
) -> None:
    first = begun(stage)  # The host has a record of a workspace there.
    to(stage, "planned")
    shutil.rmtree(first)
    if kind in ("folder", "repository"):
        first.mkdir()
        (first / "notes.txt").write_text("mine")
    if kind == "repository":
        stage.git("init", "-q", folder=first)
    elif kind == "file":
        first.write_text("mine")
    elif kind == "link to nothing":
        first.symlink_to(stage.root.parent / "elsewhere")
    elif kind == "link to a folder":
        (stage.root.parent / "elsewhere").mkdir()
        first.symlink_to(stage.root.parent / "elsewhere")
    before = inode(first), stage.git("for-each-ref")
    data = refused(start(stage))
    assert data["reason_code"] == "not_a_workspace"
    assert str(first) in data["message"]
    assert (inode(first), stage.git("for-each-ref")) == before
    assert not first.is_dir() or kind == "link to a folder" or (first / "notes.txt").exists()
    assert stage.lane("WP01") == "planned"
    assert not remains(stage)


def test_a_repeated_start_changes_nothing(stage: Stage) -> None:
    path = begun(stage)
    to(stage, "planned")
    before = state(stage, path)
    assert begun(stage) == path
    assert state(stage, path) == before
    assert not before[2]


def test_a_start_in_an_existing_workspace_keeps_its_work(stage: Stage) -> None:
    path = begun(stage)
    stage.commit({"a.txt": "done\n"}, folder=path)
    (path / "new.txt").write_text("unfinished\n")
    tip = stage.git("rev-parse", "HEAD", folder=path)
    to(stage, "planned")
    before = inode(path)
    begun(stage)
    assert inode(path) == before
    assert (path / "new.txt").read_text() == "unfinished\n"
    assert stage.git("rev-parse", "HEAD", folder=path) == tip == stage.git("rev-parse", BRANCH)


def test_a_missing_workspace_is_created_again_with_the_submitted_work(stage: Stage) -> None:
    path = begun(stage)
    stage.commit({"a.txt": "done\n"}, folder=path)
    to(stage, "for_review")
    to(stage, "planned")
    shutil.rmtree(path)
    assert begun(stage) == path
    assert (path / "a.txt").read_text() == "done\n"
    assert stage.git("status", "--porcelain", folder=path) == ""


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_workspace_without_a_valid_record_is_used_again(stage: Stage, is_damaged: bool) -> None:
    path = begun(stage)
    (path / "new.txt").write_text("unfinished\n")
    to(stage, "planned")
    record = Layout(stage.root).host / "workspaces" / f"{LANE}.json"
    if is_damaged:
        record.write_text("{")
    else:
        record.unlink()
    before = inode(path)
    begun(stage)
    assert inode(path) == before
    assert (path / "new.txt").exists()


def test_a_copied_project_uses_its_own_workspaces(stage: Stage) -> None:
    path = begun(stage)
    stage.commit({"a.txt": "done\n"}, folder=path)
    to(stage, "planned")
    copy = Stage(root=stage.root.parent / "copy")
    shutil.copytree(stage.root, copy.root, symlinks=True)
    there = begun(copy)
    assert there == copy.root / ".worktrees" / LANE
    assert (there / "a.txt").read_text() == "done\n"
    to(copy, "for_review")
    assert copy.git("rev-parse", BRANCH) == copy.git("rev-parse", "HEAD", folder=there)
    assert begun(stage) == path


def test_a_failed_replacement_in_a_copied_project_can_be_retried(
    two: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = two.approve("WP01", {"a/one.txt": "1\n"})
    two.git("checkout", "-q", "-b", "other", folder=path)
    copy = Stage(root=two.root.parent / "copy")
    shutil.copytree(two.root, copy.root, symlinks=True)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(trash, "exchange", fail)
        assert start(copy, "WP02")["error_code"] == "STORAGE_FAILED"
    there = begun(copy, "WP02")
    assert copy.git("symbolic-ref", "--short", "HEAD", folder=there) == BRANCH


@pytest.mark.parametrize("how", ["sync", "start", "merge"])
def test_without_a_worker_requests_update_the_mirror_for_the_agent(two: Stage, how: str) -> None:
    path = begun(two)
    two.commit({"a/one.txt": "theirs\n"}, folder=path)
    if how == "merge":
        to(two, "approved")
    elif how == "start":
        to(two, "planned")
    two.commit({"a/one.txt": "ours\n"})
    if how == "sync":
        assert two.run("sync").exit_code == 0
    elif how == "start":
        begun(two)
    else:
        to(two, "canceled", "WP02")
        refused = two.ask("merge-mission", mission=SLUG, actor="ada")
        [conflict] = refused["data"]["conflicting"]
        assert "fetch project" in " ".join(conflict["merge_commands"]), conflict
    two.git("fetch", "-q", "project", folder=path)
    assert two.git("rev-parse", "main", folder=path) == two.git("rev-parse", "main")


@pytest.mark.parametrize("how", ["sync", "merge"])
def test_a_symlink_in_the_place_of_the_mirrors_is_reported_and_not_followed(
    two: Stage, how: str
) -> None:
    path = begun(two)
    two.commit({"a/one.txt": "theirs\n"}, folder=path)
    mirrors, elsewhere = two.root / ".worktrees" / ".mirror", two.root.parent / "elsewhere"
    mirrors.rename(elsewhere)
    mirrors.symlink_to(elsewhere)
    two.commit({"a/one.txt": "ours\n"})
    if how == "sync":
        answer = two.ask("sync-workspaces")
        assert answer["error_code"] == "STORAGE_FAILED"
    else:
        to(two, "approved")
        to(two, "canceled", "WP02")
        answer = two.ask("merge-mission", mission=SLUG, actor="ada")
        assert answer["error_code"] == "PREFLIGHT_FAILED"
        assert answer["data"]["conflicts"] == ["a/one.txt"]
    assert "move it away" in answer["data"]["message"]
    mirror = elsewhere / f"{SLUG}.git"
    assert two.git("rev-parse", "main", folder=mirror) != two.git("rev-parse", "main")


def test_a_start_removes_the_scratch_repository_of_a_killed_process(stage: Stage) -> None:
    code = "from specify_cli import processes; print(processes.this_process())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    folder = stage.root / ".git" / scratch_repository.FOLDER
    dead = folder / f"{said.stdout.strip()}.1234"
    alive = folder / f"{processes.this_process()}.1234"
    for it in (dead, alive):
        (it / "objects").mkdir(parents=True)
    begun(stage)
    assert not dead.exists()
    assert alive.exists()
