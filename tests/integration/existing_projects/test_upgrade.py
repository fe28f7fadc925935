"""The commands of the guide `upgrade`, pasted in a project that version 0.1.0 wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from specify_cli.cli.guides import GUIDES
from specify_cli.storage.layout import Layout
from tests.integration.stage import Stage, environment
from tests.readme.console import blocks

ARCHIVE = Path(__file__).parent / "archives" / "project-of-0.1.0.tar.gz"
"""WP01 is approved, WP02 in progress, both in linked worktrees; two notes and a read came through the
mailbox, and one file became a dead letter. The project was in another folder.
"""

BEFORE, UPGRADE, BACK, AGAIN = (
    it.commands for it in blocks((GUIDES / "upgrade.md").read_text(encoding="utf-8"))
)


@pytest.fixture
def old(tmp_path: Path) -> Stage:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="tar")
    return Stage(root=tmp_path / "search")


def paste(stage: Stage, commands: str) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", commands],
        cwd=stage.root,
        env=environment(PATH=path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done


def seen(stage: Stage) -> object:
    state = stage.done("mission-state", policy=None, mission="1")
    return [(it["wp_id"], it["lane"], it["claimed_by"]) for it in state["work_packages"]]


def test_project_of_0_1_0_can_be_upgraded_and_downgraded(old: Stage) -> None:
    before, lines = seen(old), old.journal()
    log = old.log().read_bytes()
    paste(old, BEFORE)
    assert (old.root / ".kitty" / "host").is_dir()
    paste(old, UPGRADE)
    assert seen(old) == before
    assert old.journal()[: len(lines)] == lines
    assert old.log().read_bytes() == log
    assert (old.root / ".kitty" / "host").is_symlink()
    assert old.run("mailbox", "verify").exit_code == 0
    ready = {"to": "for_review", "actor": "coder", "subtasks_complete": True}
    old.done("transition", mission="1", wp="WP02", **ready)
    letters = old.run("mailbox", "dead-letters", "list", "--json").envelope["data"]
    assert [it["name"] for it in letters["dead_letters"]] == ["no name.json"]
    paste(old, BACK)
    assert [*(old.root / ".kitty" / "host" / "dead-letters").glob("*.body")]
    assert json.loads(old.log().read_text().splitlines()[-1])["to_lane"] == "for_review"
    old.done("append-history", mission="1", wp="WP03", actor="ada", note="back again")
    assert old.run("mailbox", "verify").exit_code == 0


def test_project_can_be_restored_from_the_saved_copy(old: Stage) -> None:
    before = seen(old)
    paste(old, BEFORE)
    paste(old, UPGRADE)
    paste(old, AGAIN)
    again = Stage(root=old.root.with_name("search-before"))
    assert seen(again) == before
    assert again.run("doctor", "--fix").exit_code == 1, "the workspaces are to be made again"
    assert again.run("mailbox", "verify").exit_code == 0
    again.run("implement", "WP02", "--mission", "1", "--actor", "coder")
    assert again.run("doctor").exit_code == 0
    assert Layout(again.root).record != Layout(old.root).record
