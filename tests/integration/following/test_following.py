"""A worker process follows workspaces, also if one of them blocks git."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.stage import SLUG, TIMEOUT_S, Stage, environment
from tests.patience import SIGNALLED_S
from tests.unit.mailbox.recording import wait_until

A_LANE, B_LANE = (f"kitty/mission-{SLUG}-lane-{it}" for it in "ab")
# Skips the first check, as if the FIFO was planted right after it.
BLIND = """
from specify_cli.vcs import commit_intake
commit_intake.irregular_files = lambda *_, **__: []
from specify_cli.__main__ import main
main()
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission({"WP01": {"owned_files": ["a/**"]}, "WP02": {"owned_files": ["b/**"]}})
    yield made
    made.end()


def begin(stage: Stage, wp_id: str = "WP01") -> Path:
    data = stage.done("start-implementation", mission=SLUG, wp=wp_id, actor="coder")
    return Path(data["workspace_path"])


def tip(stage: Stage, branch: str, folder: Path | None = None) -> str:
    return stage.git("rev-parse", branch, folder=folder)


def readers(place: Path) -> list[str]:
    found = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True)
    return [it for it in found.stdout.splitlines() if f"upload-pack --strict {place}" in it]


def test_worker_follows_commits_in_workspaces_and_on_the_target(stage: Stage) -> None:
    place = begin(stage)
    worker = stage.start("mailbox", "serve")
    for number in range(2):
        stage.commit({"a/one": f"{number}\n"}, folder=place)
        wait_until(lambda: tip(stage, A_LANE) == tip(stage, A_LANE, place))
    stage.commit({"README.md": "new\n"})
    mirror = stage.root / ".worktrees" / ".mirror" / f"{SLUG}.git"
    wait_until(lambda: tip(stage, "main", mirror) == tip(stage, "main"))
    worker.terminate()
    assert worker.wait(TIMEOUT_S) == 0
    assert worker.stderr is not None
    assert b"failed" not in worker.stderr.read()


def test_workspace_that_blocks_git_delays_no_other_request_and_no_shutdown(stage: Stage) -> None:
    place, other = begin(stage), begin(stage, "WP02")
    stage.commit({"a/one": "1\n"}, folder=place)
    (place / ".git" / "config").unlink()
    os.mkfifo(place / ".git" / "config")
    command = [sys.executable, "-c", BLIND, "mailbox", "serve"]
    worker = subprocess.Popen(command, cwd=stage.root, env=environment(), stderr=subprocess.PIPE)
    stage.started.append(worker)
    wait_until(lambda: readers(place))
    stage.commit({"b/two": "2\n"}, folder=other)
    stage.put("asked", "contract-version")
    wait_until(lambda: "asked" in stage.replies())
    wait_until(lambda: tip(stage, B_LANE) == tip(stage, B_LANE, other))
    wait_until(lambda: readers(place))
    began = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(TIMEOUT_S) == 0
    assert time.monotonic() - began < SIGNALLED_S
    wait_until(lambda: not readers(place))
    assert [*(stage.root / ".git" / "spec-kitty-scratch").iterdir()] == []


def test_sync_watch_prints_one_line_for_each_new_commit(stage: Stage) -> None:
    place = begin(stage)
    begin(stage, "WP02")
    watching = stage.start("sync", "--watch")
    assert watching.stdout is not None
    for number in range(2):
        before = tip(stage, A_LANE)
        stage.commit({"a/one": f"{number}\n"}, folder=place)
        after = tip(stage, A_LANE, place)
        line = watching.stdout.readline().decode()
        assert line == f"{place.name}: {A_LANE} {before[:12]}..{after[:12]}, 1 commit\n"
    watching.send_signal(signal.SIGINT)
    rest, errors = watching.communicate(timeout=TIMEOUT_S)
    assert (rest, errors, watching.returncode) == (b"", b"", 0)


def test_sync_watch_updates_the_mirror_with_the_target(
    stage: Stage,
) -> None:
    begin(stage)
    mirror = stage.root / ".worktrees" / ".mirror" / f"{SLUG}.git"
    watching = stage.start("sync", "--watch")
    for number in range(2):
        stage.commit({"README.md": f"{number}\n"})
        wait_until(lambda: tip(stage, "main", mirror) == tip(stage, "main"))
    watching.send_signal(signal.SIGINT)
    assert watching.communicate(timeout=TIMEOUT_S) == (b"", b"")
    assert watching.returncode == 0
