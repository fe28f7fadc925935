"""Workspaces that are replaced, retired by a merge, or affected by a failing disk."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from specify_cli import bootstrap
from specify_cli.orchestrator_api.request import Origin, Request
from specify_cli.storage.layout import Layout
from specify_cli.vcs import scratch_repository
from tests.integration.stage import POLICY, SLUG, Stage
from tests.unit.workflow.lane_workspaces.starts import (
    BRANCH,
    LANE,
    begun,
    done,
    inode,
    refused,
    remains,
    start,
    state,
    trashed,
)

pytestmark = pytest.mark.long


# The workspace of the next package replaces the previous one.


def go_on(stage: Stage) -> Path:
    """Approve WP01, whose execution lane WP02 uses next."""
    path = stage.approve("WP01", {"a/one.txt": "1\n"})
    stage.commit({"later.txt": "later\n"})
    return path


def test_the_next_package_gets_a_new_workspace_with_the_approved_work(two: Stage) -> None:
    path = go_on(two)
    old = inode(path)
    (path / "stray.txt").write_text("x\n")
    two.git("add", "stray.txt", folder=path)
    two.git("reset", "-q", "--hard", folder=path)
    two.git("checkout", "-q", "-b", "other", folder=path)
    assert begun(two, "WP02") == path
    assert inode(path) != old
    assert (path / "a/one.txt").read_text() == "1\n"
    assert two.git("symbolic-ref", "HEAD", folder=path) == f"refs/heads/{BRANCH}"
    assert [inode(it) for it in trashed(two)] == [old]
    assert not remains(two)


def test_a_workspace_with_uncommitted_work_is_not_replaced(two: Stage) -> None:
    path = go_on(two)
    two.git("checkout", "-q", "-b", "other", folder=path)
    (path / "a/one.txt").write_text("mine\n")
    (path / "new.txt").write_text("mine\n")
    before = state(two, path)
    data = refused(start(two, "WP02"))
    assert (data["reason_code"], data["retryable"]) == ("uncommitted_work", True)
    assert sorted(data["files"]) == ["a/one.txt", "new.txt"]
    assert state(two, path) == before
    assert (path / "new.txt").read_text() == "mine\n"
    assert two.lane("WP02") == "planned"


def test_ignored_files_do_not_prevent_a_replacement(two: Stage) -> None:
    two.commit({".gitignore": "*.log\n"})
    path = go_on(two)
    two.git("checkout", "-q", "-b", "other", folder=path)
    (path / "build.log").write_text("x\n")
    old = inode(path)
    begun(two, "WP02")
    assert inode(path) != old


def test_a_workspace_in_use_by_a_process_is_not_replaced(two: Stage) -> None:
    path = go_on(two)
    two.git("checkout", "-q", "-b", "other", folder=path)
    before = state(two, path)
    with subprocess.Popen(["/bin/cat"], cwd=path / "a", stdin=subprocess.PIPE) as agent:
        data = refused(start(two, "WP02"))
        assert (data["reason_code"], data["retryable"]) == ("in_use", True)
        assert str(agent.pid) in data["message"]
        assert state(two, path) == before
        assert agent.stdin is not None
        agent.stdin.close()
    begun(two, "WP02")
    assert trashed(two)
    assert not remains(two)


def test_a_start_with_conflicting_dependencies_changes_nothing(stage: Stage) -> None:
    shutil.rmtree(stage.root / "kitty-specs")
    packages = {"WP01": {"owned_files": ["a/**"]}, "WP02": {"owned_files": ["b/**"]}}
    stage.write_mission(
        {**packages, "WP03": {"owned_files": ["c/**"], "dependencies": ["WP01", "WP02"]}}
    )
    stage.approve("WP01", {"README.md": "one\n"})
    stage.approve("WP02", {"README.md": "two\n"})
    before = stage.events()
    data = refused(start(stage, "WP03"))
    assert (data["reason_code"], data["files"]) == ("conflict", ["README.md"])
    assert "README.md" in data["reason"]
    assert stage.events() == before
    assert not (stage.root / ".worktrees" / f"{SLUG}-lane-c").exists()
    assert f"{BRANCH[:-1]}c" not in stage.git("for-each-ref")


def test_a_start_warns_of_hooks_that_are_not_copied(stage: Stage) -> None:
    hooks = stage.root / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    hook = hooks / "pre-commit"
    hook.write_bytes(b"#!/bin/sh\n" + b"#" * (1024 * 1024))
    hook.chmod(0o755)
    warnings = done(start(stage))["warnings"]
    assert any("pre-commit" in it for it in warnings)


# After a merge.


def merged(stage: Stage) -> dict[str, Any]:
    return stage.done("merge-mission", mission=SLUG)


def test_a_merge_moves_workspaces_to_the_trash(stage: Stage) -> None:
    path = stage.approve("WP01", {"one.txt": "1\n"})
    known = inode(path)
    assert merged(stage)["worktree_removed"]
    assert not os.path.lexists(path)
    assert [inode(it) for it in trashed(stage)] == [known]
    records = Layout(stage.root).host / "workspaces"
    assert [*records.iterdir()] == []
    # The state after a host was killed before it removed the record.
    (records / f"{path.name}.json").write_text("{}")
    assert merged(stage)["worktree_removed"]
    assert [*records.iterdir()] == []


def test_a_merge_keeps_a_workspace_with_unapproved_commits(stage: Stage) -> None:
    path = stage.approve("WP01", {"one.txt": "1\n"})
    stage.commit({"two.txt": "2\n"}, folder=path)
    known = inode(path)
    data = merged(stage)
    assert not data["worktree_removed"]
    assert [it["lane_id"] for it in data["commits_not_included"]] == ["lane-a"]
    assert inode(path) == known
    assert not (stage.root / "two.txt").exists()


def test_a_merge_refuses_uncommitted_work_and_keeps_it(stage: Stage) -> None:
    path = stage.approve("WP01", {"one.txt": "1\n"})
    (path / "new.txt").write_text("mine\n")
    refusal = stage.ask("merge-mission", mission=SLUG)
    assert refusal["error_code"] == "PREFLIGHT_FAILED"
    assert "new.txt" in json.dumps(refusal["data"])
    assert (path / "new.txt").read_text() == "mine\n"


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_merge_does_not_touch_what_replaced_a_workspace(stage: Stage, kind: str) -> None:
    path = stage.approve("WP01", {"one.txt": "1\n"})
    elsewhere = path.rename(stage.root.parent / "elsewhere")
    if kind == "link":
        path.symlink_to(elsewhere)
    else:
        path.mkdir()
        (path / "notes.txt").write_text("mine\n")
    assert not merged(stage)["worktree_removed"]
    assert path.is_symlink() or (path / "notes.txt").exists()
    assert (elsewhere / "one.txt").exists()


# Failing disks and missing rights.


def test_a_full_disk_is_a_retryable_storage_failure(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = begun(stage)
    stage.commit({"one.txt": "1\n"}, folder=path)
    real = Path.mkdir

    def full(folder: Path, *args: Any, **more: Any) -> None:
        if scratch_repository.FOLDER in folder.parts:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        real(folder, *args, **more)

    hand_in = {"wp": "WP01", "to": "for_review", "actor": "coder"}
    with monkeypatch.context() as disk:
        disk.setattr(Path, "mkdir", full)
        answer = stage.ask("transition", mission=SLUG, **hand_in)
    assert (answer["error_code"], answer["data"]["retryable"]) == ("STORAGE_FAILED", True)
    stage.done("transition", mission=SLUG, **hand_in)


def test_a_start_warns_if_the_host_cannot_change_the_owner_of_the_workspace(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = stage.root / ".kitty" / "config.toml"
    config.parent.mkdir()
    config.write_text('[orchestrators.nightly]\ncommands = ["all"]\nuid = 4242\n')
    config.chmod(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    args = {"mission": SLUG, "wp": "WP01", "actor": "coder"}
    asked = Request(
        command="start-implementation", args=args, policy=POLICY, correlation_id="one-0001"
    )
    origin = Origin(door="mailbox", identity="nightly")
    answer = bootstrap.dispatcher(stage.root).answer(asked, origin).envelope
    [warning] = done(answer)["warnings"]
    assert "4242" in warning
    assert Path(answer["data"]["workspace_path"]).stat().st_uid == os.getuid()


@pytest.mark.parametrize("first", [SLUG, LANE])
def test_a_mission_named_like_an_execution_lane_of_another_is_refused(
    stage: Stage, first: str
) -> None:
    stage.write_mission({"WP01": {}}, slug=LANE)
    told = refused(stage.ask("start-implementation", mission=first, wp="WP01", actor="coder"))
    assert SLUG in told["reason"]
    assert LANE in told["reason"]
    assert BRANCH not in stage.git("branch")
