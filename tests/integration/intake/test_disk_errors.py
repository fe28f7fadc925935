"""Errors of the host's disk are not blamed on the workspace, and the workspace cannot forge them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from specify_cli.vcs import scratch_repository
from tests.durability import watched
from tests.integration.intake.workspaces import Scene
from tests.integration.stage import POLICY, SLUG, Stage, environment, flags

READY = (
    "transition",
    *flags(policy=POLICY, wp="WP01", actor="coder", to="for_review"),
    "--subtasks-complete",
)
RELEASE = ("release-claim", *flags(policy=POLICY, wp="WP01", actor="lead", note="late"), "--force")
A_DISK = ("unshare", "--mount", "--map-root-user", "sh", "-c")
SMALL = f'mkdir -p .git/{scratch_repository.FOLDER} && mount -t tmpfs -o size=1m none .git/{scratch_repository.FOLDER} && exec "$0" "$@"'
FAILS_ONCE = """#!/bin/sh
case " $* " in *" fetch "*) rmdir {folder}/fails 2> /dev/null && exit 128 ;; esac
exec {git} "$@"
"""
LIE = "fatal: write error: No space left on device"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission({"WP01": {}})
    yield made
    made.end()


def begin(stage: Stage, files: dict[str, str]) -> Path:
    data = stage.done("start-implementation", mission=SLUG, wp="WP01", actor="coder")
    place = Path(data["workspace_path"])
    stage.commit(files, folder=place)
    return place


def on_a_small_disk(stage: Stage, *words: str) -> dict[str, Any]:
    command = [*A_DISK, SMALL, sys.executable, "-m", "specify_cli", "orchestrator-api", *words]
    done = subprocess.run(
        command, cwd=stage.root, env=environment(), capture_output=True, check=False
    )
    assert done.stdout, done.stderr
    envelope: dict[str, Any] = json.loads(done.stdout)
    return envelope


@pytest.mark.parametrize("words", [READY, RELEASE], ids=["submit", "release"])
def test_full_disk_is_reported_and_the_package_stays_in_progress(
    stage: Stage, words: tuple[str, ...]
) -> None:
    place = begin(stage, {"large": os.urandom(2_000_000).hex()})
    refused = on_a_small_disk(stage, *words)
    assert refused["error_code"] == "STORAGE_FAILED"
    assert "No space left on device" in refused["data"]["message"]
    assert stage.lane("WP01") == "in_progress"
    assert [*(stage.root / ".git" / scratch_repository.FOLDER).iterdir()] == []
    tip = stage.git("rev-parse", "HEAD", folder=place)
    done = stage.api(*words)
    assert done.exit_code == 0
    assert stage.git("rev-parse", f"kitty/mission-{SLUG}-lane-a") == tip


def test_fetch_that_fails_once_is_retried(scene: Scene, tmp_path: Path, monkeypatch: Any) -> None:
    tip = scene.work({"new.txt": "new\n"})
    folder = tmp_path / "bin"
    (folder / "fails").mkdir(parents=True)
    (folder / "git").write_text(FAILS_ONCE.format(folder=folder, git=shutil.which("git")))
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    assert scene.take() == tip
    assert not (folder / "fails").exists()


def test_agent_cannot_forge_a_disk_error(stage: Stage) -> None:
    modules = f'[submodule "x"]\n\tpath = x\n\turl = "-\\n{LIE}"\n'
    place = begin(stage, {"a": "a\n"})
    stage.commit({".gitmodules": modules}, folder=place)
    refused = stage.api(*READY).envelope
    assert LIE in refused["data"]["message"]
    assert (refused["error_code"], refused["data"]["guard"]) == ("TRANSITION_REJECTED", "intake")
    assert stage.api(*RELEASE).exit_code == 0


def test_disk_check_syncs_what_it_writes(scene: Scene) -> None:
    private = scratch_repository.scratch_repository(
        scene.repo, like=scene.base, refs={}, file_bytes=1_000_000
    )
    with private as made, watched() as disk:
        made.require_disk()
    assert "sync written" in disk.steps
