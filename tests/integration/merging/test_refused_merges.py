"""A merge includes exactly the approved work, or is refused with the reason."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stage import SLUG, Stage

MINE = {"WP01": {"owned_files": ["src/**"]}}
SHARED = {"WP01": {"owned_files": ["src/**"]}, "WP02": {"owned_files": ["src/**"]}}
OTHER = "002-other"


def refusal(stage: Stage, **args: Any) -> dict[str, Any]:
    envelope = stage.ask("merge-mission", mission=SLUG, **args)
    assert envelope["error_code"] == "PREFLIGHT_FAILED"
    data: dict[str, Any] = envelope["data"]
    return data


@pytest.fixture
def approved(stage: Stage) -> Stage:
    stage.write_mission(MINE)
    stage.approve("WP01", {"src/work.py": "work\n"})
    return stage


@pytest.fixture
def pushed_to(approved: Stage, tmp_path: Path) -> Path:
    """A remote with main as it was before the merge."""
    remote = tmp_path / "remote.git"
    approved.git("init", "-q", "--bare", str(remote))
    approved.git("remote", "add", "origin", str(remote))
    approved.git("push", "-q", "origin", "main")
    return remote


def test_merge_is_refused_if_approved_work_without_a_recorded_commit_is_gone(
    approved: Stage,
) -> None:
    approved.forget_commits()
    branch = f"kitty/mission-{SLUG}-lane-a"
    shutil.rmtree(approved.root / ".worktrees" / f"{SLUG}-lane-a")
    approved.git("branch", "-D", branch)
    assert branch in refusal(approved)["errors"][0]
    assert approved.lane("WP01") == "approved"


def test_commits_of_a_canceled_package_are_not_merged(stage: Stage) -> None:
    stage.write_mission(SHARED)
    stage.approve("WP01", {"src/work.py": "work\n"})
    started = stage.done("start-implementation", mission=SLUG, wp="WP02", actor="agent")
    workspace = Path(started["workspace_path"])
    stage.commit({"src/bad.py": "unfinished\n"}, folder=workspace)
    bad = stage.git("rev-parse", "HEAD", folder=workspace)
    stage.done("transition", mission=SLUG, wp="WP02", to="canceled", actor="agent", note="no")
    merged = stage.done("merge-mission", mission=SLUG)
    assert merged["merged_wps"] == ["WP01"]
    assert merged["commits_not_included"][0]["commits"] == [bad]
    assert (stage.root / "src/work.py").exists()
    assert not (stage.root / "src/bad.py").exists()


def test_push_that_the_remote_refuses_changes_nothing(approved: Stage, pushed_to: Path) -> None:
    hook = pushed_to / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    before = approved.git("rev-parse", "main")
    data = approved.ask("merge-mission", mission=SLUG, push=True)["data"]
    assert (data["mission_slug"], data["target_branch"]) == (SLUG, "main")
    assert approved.git("rev-parse", "main") == before
    assert approved.lane("WP01") == "approved"
    hook.unlink()
    assert approved.done("merge-mission", mission=SLUG, push=True)["merged_wps"] == ["WP01"]


def test_merge_that_failed_after_its_push_is_completed_by_the_next_one(
    approved: Stage, pushed_to: Path
) -> None:
    in_the_way = approved.root / "src" / "work.py"
    hook = approved.root / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nmkdir -p {in_the_way.parent}\necho mine >{in_the_way}\n")
    hook.chmod(0o755)
    refusal(approved, push=True)
    hook.unlink()
    assert in_the_way.read_text() == "mine\n"
    in_the_way.unlink()
    assert approved.done("merge-mission", mission=SLUG, push=True)["merged_wps"] == ["WP01"]
    assert in_the_way.read_text() == "work\n"
    there = approved.git("ls-remote", str(pushed_to), "refs/heads/main").split()[0]
    assert there == approved.git("rev-parse", "main").strip()
    assert approved.lane("WP01") == "done"


@pytest.mark.parametrize("part", ["", "-lane-a"])
def test_merge_into_a_branch_of_another_mission_is_refused(stage: Stage, part: str) -> None:
    stage.write_mission({"WP01": {"owned_files": ["a.py"]}})
    stage.write_mission({"WP01": {"owned_files": ["b.py"]}}, slug=OTHER)
    stage.approve("WP01", {"b.py": "b\n"}, slug=OTHER)
    stage.approve("WP01", {"a.py": "a\n"})
    target = f"kitty/mission-{OTHER}{part}"
    before = stage.git("rev-parse", target)
    refused = stage.ask("merge-mission", mission=SLUG, actor="ada", target=target)
    assert refused["error_code"] == "PREFLIGHT_FAILED"
    assert any(OTHER in line for line in refused["data"]["errors"])
    assert stage.git("rev-parse", target) == before
