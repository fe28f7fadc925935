"""The workspace of an execution lane is made, kept, replaced or refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from specify_cli import bootstrap, processes
from specify_cli.orchestrator_api.request import Origin, Request
from specify_cli.storage.layout import Layout
from specify_cli.vcs import scratch_repository, trash
from tests.integration.stage import POLICY, SLUG, Stage

pytestmark = pytest.mark.long

LANE = f"{SLUG}-lane-a"
BRANCH = f"kitty/mission-{SLUG}-lane-a"
SAME_LANE = {"WP01": {"owned_files": ["a/**"]}, "WP02": {"owned_files": ["a/b/**"]}}


@pytest.fixture
def two(stage: Stage) -> Stage:
    """A mission of two packages that take turns in one execution lane."""
    shutil.rmtree(stage.root / "kitty-specs")
    stage.write_mission(SAME_LANE)
    return stage


def start(stage: Stage, wp_id: str = "WP01") -> dict[str, Any]:
    return stage.ask("start-implementation", mission=SLUG, wp=wp_id, actor="coder")


def begun(stage: Stage, wp_id: str = "WP01") -> Path:
    return Path(done(start(stage, wp_id))["workspace_path"])


def done(envelope: dict[str, Any]) -> dict[str, Any]:
    assert envelope["success"], envelope["data"]
    data: dict[str, Any] = envelope["data"]
    return data


def refused(envelope: dict[str, Any]) -> dict[str, Any]:
    assert envelope["error_code"] == "LANE_ALLOCATION_FAILED", envelope
    data: dict[str, Any] = envelope["data"]
    return data


def to(stage: Stage, lane: str, wp_id: str = "WP01", **more: Any) -> dict[str, Any]:
    return stage.done(
        "transition", mission=SLUG, wp=wp_id, to=lane, actor="coder", force=True, note="n", **more
    )


def place(stage: Stage) -> Path:
    return stage.root / ".worktrees" / LANE


def which(folder: Path) -> tuple[int, int]:
    found = folder.lstat()
    return found.st_dev, found.st_ino


def trashed(stage: Stage) -> list[Path]:
    return sorted((stage.root / ".worktrees" / ".trash").glob(f"*-{LANE}"))


def remains(stage: Stage) -> list[str]:
    """What a making has left below `.worktrees` that is not meant to stay."""
    return [str(it) for it in (stage.root / ".worktrees" / ".making").glob("*")]


# What has the name already.


@pytest.mark.parametrize(
    "kind", ["folder", "file", "link to nothing", "link to a folder", "repository"]
)
def test_whatever_else_has_the_name_is_refused_and_stays(stage: Stage, kind: str) -> None:
    first = begun(stage)  # The host has made one there before, and knows it.
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
    before = which(first), stage.git("for-each-ref")
    data = refused(start(stage))
    assert data["reason_code"] == "not_a_workspace"
    assert str(first) in data["message"]
    assert (which(first), stage.git("for-each-ref")) == before
    assert not first.is_dir() or kind == "link to a folder" or (first / "notes.txt").exists()
    assert stage.lane("WP01") == "planned"
    assert not remains(stage)


# What a repeated start finds.


def state(stage: Stage, path: Path) -> tuple[tuple[int, int], str, list[Path]]:
    refs = stage.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
    return which(path), refs, trashed(stage)


def test_a_repeated_start_changes_nothing(stage: Stage) -> None:
    path = begun(stage)
    to(stage, "planned")
    before = state(stage, path)
    assert begun(stage) == path
    assert state(stage, path) == before
    assert not before[2]


def test_work_in_a_workspace_that_is_used_again_stays(stage: Stage) -> None:
    path = begun(stage)
    stage.commit({"a.txt": "done\n"}, folder=path)
    (path / "new.txt").write_text("unfinished\n")
    tip = stage.git("rev-parse", "HEAD", folder=path)
    to(stage, "planned")
    before = which(path)
    begun(stage)
    assert which(path) == before
    assert (path / "new.txt").read_text() == "unfinished\n"
    assert stage.git("rev-parse", "HEAD", folder=path) == tip == stage.git("rev-parse", BRANCH)


def test_a_workspace_that_is_gone_is_made_again_with_what_was_handed_in(stage: Stage) -> None:
    path = begun(stage)
    stage.commit({"a.txt": "done\n"}, folder=path)
    to(stage, "for_review")
    to(stage, "planned")
    shutil.rmtree(path)
    assert begun(stage) == path
    assert (path / "a.txt").read_text() == "done\n"
    assert stage.git("status", "--porcelain", folder=path) == ""


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_workspace_whose_record_is_lost_is_used_again(stage: Stage, is_damaged: bool) -> None:
    path = begun(stage)
    (path / "new.txt").write_text("unfinished\n")
    to(stage, "planned")
    record = Layout(stage.root).host / "workspaces" / f"{LANE}.json"
    if is_damaged:
        record.write_text("{")
    else:
        record.unlink()
    before = which(path)
    begun(stage)
    assert which(path) == before
    assert (path / "new.txt").exists()


def test_the_workspaces_of_a_copied_project_are_used_there(stage: Stage) -> None:
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


def test_a_workspace_of_a_copied_project_stays_known_where_it_could_not_be_replaced(
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
def test_the_agent_gets_what_the_target_has_got_where_no_worker_runs(two: Stage, how: str) -> None:
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
        assert "git fetch project" in refused["data"]["message"], refused
    two.git("fetch", "-q", "project", folder=path)
    assert two.git("rev-parse", "main", folder=path) == two.git("rev-parse", "main")


@pytest.mark.parametrize("how", ["sync", "merge"])
def test_a_link_in_the_place_of_the_mirrors_is_told_and_not_followed(two: Stage, how: str) -> None:
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


def test_what_a_killed_process_was_taking_in_is_gone_with_the_next_request(stage: Stage) -> None:
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


# A workspace gives way to that of the next package.


def go_on(stage: Stage) -> Path:
    """WP01 is approved, and WP02 is to go on in its execution lane."""
    path = stage.approve("WP01", {"a/one.txt": "1\n"})
    stage.commit({"later.txt": "later\n"})
    return path


def test_the_next_package_finds_a_new_workspace_with_the_approved_work(two: Stage) -> None:
    path = go_on(two)
    old = which(path)
    (path / "stray.txt").write_text("x\n")
    two.git("add", "stray.txt", folder=path)
    two.git("reset", "-q", "--hard", folder=path)
    two.git("checkout", "-q", "-b", "other", folder=path)
    assert begun(two, "WP02") == path
    assert which(path) != old
    assert (path / "a/one.txt").read_text() == "1\n"
    assert two.git("symbolic-ref", "HEAD", folder=path) == f"refs/heads/{BRANCH}"
    assert [which(it) for it in trashed(two)] == [old]
    assert not remains(two)


def test_uncommitted_work_is_not_replaced(two: Stage) -> None:
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


def test_ignored_files_keep_no_workspace(two: Stage) -> None:
    two.commit({".gitignore": "*.log\n"})
    path = go_on(two)
    two.git("checkout", "-q", "-b", "other", folder=path)
    (path / "build.log").write_text("x\n")
    old = which(path)
    begun(two, "WP02")
    assert which(path) != old


def test_a_workspace_that_somebody_stands_in_is_not_replaced(two: Stage) -> None:
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


def test_conflicting_work_is_refused_and_the_workspace_stays(stage: Stage) -> None:
    shutil.rmtree(stage.root / "kitty-specs")
    packages = {"WP01": {"owned_files": ["a/**"]}, "WP02": {"owned_files": ["b/**"]}}
    stage.write_mission(
        {**packages, "WP03": {"owned_files": ["c/**"], "dependencies": ["WP01", "WP02"]}}
    )
    stage.approve("WP01", {"README.md": "one\n"})
    stage.approve("WP02", {"README.md": "two\n"})
    data = refused(start(stage, "WP03"))
    assert (data["reason_code"], data["files"]) == ("conflict", ["README.md"])
    assert not (stage.root / ".worktrees" / f"{SLUG}-lane-c").exists()
    assert f"{BRANCH[:-1]}c" not in stage.git("for-each-ref")


def test_hooks_that_a_workspace_has_not_got_are_warned_of(stage: Stage) -> None:
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
    known = which(path)
    assert merged(stage)["worktree_removed"]
    assert not os.path.lexists(path)
    assert [which(it) for it in trashed(stage)] == [known]
    records = Layout(stage.root).host / "workspaces"
    assert [*records.iterdir()] == []
    # As where the host was killed before it forgot the workspace.
    (records / f"{path.name}.json").write_text("{}")
    assert merged(stage)["worktree_removed"]
    assert [*records.iterdir()] == []


def test_a_merge_keeps_a_workspace_with_commits_that_were_not_approved(stage: Stage) -> None:
    path = stage.approve("WP01", {"one.txt": "1\n"})
    stage.commit({"two.txt": "2\n"}, folder=path)
    known = which(path)
    data = merged(stage)
    assert not data["worktree_removed"]
    assert [it["lane_id"] for it in data["commits_not_included"]] == ["lane-a"]
    assert which(path) == known
    assert not (stage.root / "two.txt").exists()


def test_a_merge_refuses_uncommitted_work_and_keeps_it(stage: Stage) -> None:
    path = stage.approve("WP01", {"one.txt": "1\n"})
    (path / "new.txt").write_text("mine\n")
    refusal = stage.ask("merge-mission", mission=SLUG)
    assert refusal["error_code"] == "PREFLIGHT_FAILED"
    assert "new.txt" in json.dumps(refusal["data"])
    assert (path / "new.txt").read_text() == "mine\n"


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_merge_leaves_alone_what_took_the_place_of_a_workspace(stage: Stage, kind: str) -> None:
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


# Where the disk refuses.


def test_a_disk_that_refuses_is_not_the_fault_of_a_workspace(
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


def test_a_host_that_cannot_give_a_workspace_away_says_so(
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
def test_a_mission_does_not_have_the_branch_of_another_one_s_execution_lane(
    stage: Stage, first: str
) -> None:
    stage.write_mission({"WP01": {}}, slug=LANE)
    told = refused(stage.ask("start-implementation", mission=first, wp="WP01", actor="coder"))
    assert SLUG in told["reason"]
    assert LANE in told["reason"]
    assert BRANCH not in stage.git("branch")
