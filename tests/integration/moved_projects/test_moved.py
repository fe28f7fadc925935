"""The folder of a project is moved or copied as a whole, and the doctor's advice works as printed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from specify_cli.storage.layout import Layout
from tests.copies import copied
from tests.integration.stage import SLUG, Stage, environment

LANES = {it: f"{SLUG}-lane-{it}" for it in "ab"}


@pytest.fixture
def begun(stage: Stage) -> Stage:
    """WP01 is in progress in a workspace with git-lfs, WP02 in a linked worktree of an older version."""
    stage.git("config", "filter.lfs.clean", "cat")
    scopes = {"WP01": {"owned_files": ["a/**"]}, "WP02": {"owned_files": ["b/**"]}}
    folder = stage.write_mission(scopes)
    stage.git("add", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    for wp_id in scopes:
        stage.done("start-implementation", mission=SLUG, wp=wp_id, actor="coder")
    stage.done("sync-workspaces")
    linked = stage.root / ".worktrees" / LANES["b"]
    shutil.rmtree(linked)
    (Layout(stage.root).workspaces / f"{LANES['b']}.json").unlink()
    stage.git("worktree", "add", "-q", str(linked), f"kitty/mission-{LANES['b']}")
    return stage


def findings(stage: Stage) -> list[dict[str, Any]]:
    found = json.loads(stage.run("doctor", "--json").stdout)["data"]["findings"]
    return [it for it in found if it["severity"] != "note"]


def follow(stage: Stage) -> None:
    """Paste the commands that the doctor prints, until it has no findings."""
    for _ in range(3):
        for finding in findings(stage):
            for command in finding["repair"].split("'")[1::2]:
                path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
                done = subprocess.run(
                    command, shell=True, cwd=stage.root, env=environment(PATH=path), check=False
                )
                assert done.returncode in (0, 1), command
    assert findings(stage) == []


def is_clean(stage: Stage, lane: str) -> bool:
    """Whether git works in the workspace and reports no changes."""
    words = ["git", "status", "--porcelain"]
    folder = stage.root / ".worktrees" / LANES[lane]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=True)
    return (done.stdout, done.stderr) == (b"", b"")


def goes_on(stage: Stage) -> None:
    for wp_id, lane, name in (("WP01", "a", "a/one"), ("WP02", "b", "b/two")):
        assert is_clean(stage, lane)
        stage.commit({name: "1\n"}, folder=stage.root / ".worktrees" / LANES[lane])
        done = {"to": "for_review", "subtasks_complete": True}
        stage.done("transition", mission=SLUG, wp=wp_id, actor="coder", **done)
    assert stage.run("mailbox", "verify").exit_code == 0


def test_moved_project_is_repaired_beside_another_one_at_its_former_path(begun: Stage) -> None:
    former, begun.root = begun.root, begun.root.with_name("else where")
    former.rename(begun.root)
    Stage(root=former).make_repository()
    checks = {it["check"] for it in findings(begun)}
    assert checks == {"moved-objects", "moved-worktree"}
    refused = begun.ask("start-implementation", mission=SLUG, wp="WP02", actor="coder")
    assert "'spec-kitty doctor --fix'" in refused["data"]["message"]
    follow(begun)
    goes_on(begun)


@pytest.mark.campaign
def test_copy_is_repaired_and_the_original_is_unchanged(begun: Stage) -> None:
    copy = Stage(root=copied(begun.root, begun.root.with_name("copy")))
    assert "moved-worktree" in {it["check"] for it in findings(copy)}
    follow(copy)
    assert findings(begun) == []
    goes_on(begun)
    goes_on(copy)


def test_worktree_without_a_registration_is_moved_away_by_the_advised_command(begun: Stage) -> None:
    former, begun.root = begun.root, begun.root.with_name("elsewhere")
    former.rename(begun.root)
    begun.git("worktree", "prune")
    (linked,) = [it for it in findings(begun) if it["check"] == "not-a-workspace"]
    command = linked["what"].split("'")[1]
    subprocess.run(command, shell=True, check=True)
    begun.done("start-implementation", mission=SLUG, wp="WP02", actor="coder")
    begun.run("doctor", "--fix")
    assert findings(begun) == []
    goes_on(begun)
