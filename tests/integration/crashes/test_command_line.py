"""A command is killed at any time and repeated under the same id."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.campaign import sampled
from tests.integration.crashes.gits import fatal_git
from tests.integration.stage import POLICY, TIMEOUT_S, Process, Stage, flags

pytestmark = pytest.mark.long

LATEST_S = 0.7
"""On an idle machine the command has ended by then."""

SLUGS = [f"{number:03}-search" for number in range(1, 6)]


def start(stage: Stage, slug: str, env: dict[str, str] | None = None) -> Process:
    words = flags(mission=slug, wp="WP01", actor="coder", policy=POLICY, correlation_id=slug)
    return stage.start("orchestrator-api", "start-implementation", *words, env=env)


def merge(
    stage: Stage, slug: str, env: dict[str, str] | None = None, strategy: str = "merge"
) -> Process:
    words = flags(mission=slug, correlation_id=slug, strategy=strategy)
    return stage.start("orchestrator-api", "merge-mission", *words, env=env)


def start_again(stage: Stage, slug: str) -> dict[str, Any]:
    return stage.done(
        "start-implementation", mission=slug, wp="WP01", actor="coder", correlation_id=slug
    )


def merge_again(stage: Stage, slug: str, strategy: str = "merge") -> dict[str, Any]:
    return stage.done(
        "merge-mission", policy=None, mission=slug, correlation_id=slug, strategy=strategy
    )


def moments(seed: int) -> Iterator[tuple[str, float]]:
    """Missions and the times at which their commands are killed, the same in every run."""
    chance = random.Random(seed)
    for slug in SLUGS:
        yield slug, chance.uniform(0.1, LATEST_S)


def kill_after(process: Process, seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()
    process.communicate(timeout=TIMEOUT_S)


def assert_started_once(stage: Stage, slug: str) -> None:
    moves = [(e["to_lane"], e["correlation_id"]) for e in stage.events(slug)]
    assert moves == [("claimed", slug), ("in_progress", slug)]
    assert stage.lane("WP01", slug) == "in_progress"
    worktree = stage.root / ".worktrees" / f"{slug}-lane-a"
    assert stage.git("status", "--porcelain", folder=worktree) == ""
    branch = stage.git("branch", "--show-current", folder=worktree)
    assert branch == f"kitty/mission-{slug}-lane-a"
    assert [line["correlation_id"] for line in stage.journal()].count(slug) == 1


def assert_merged_once(stage: Stage, slug: str) -> None:
    assert (stage.root / "src" / slug).read_text() == "work\n"
    assert stage.lane("WP01", slug) == "done"
    dones = [e for e in stage.events(slug) if e.get("to_lane") == "done"]
    assert [e["correlation_id"] for e in dones] == [slug]
    subjects = stage.git("log", "--format=%s", "main").splitlines()
    assert subjects.count(f"Merge mission {slug} (record)") == 1
    assert stage.git("diff", "--name-only", "HEAD") == ""
    assert stage.git("diff", "--name-only", "--cached") == ""
    assert [line["correlation_id"] for line in stage.journal()].count(slug) == 1


@pytest.mark.campaign  # The tests below kill it at calls of git, which are the same in every run.
@pytest.mark.parametrize("seed", [1])
def test_start_killed_at_a_random_time_is_completed_by_the_same_id(stage: Stage, seed: int) -> None:
    for slug, moment in moments(seed):
        stage.write_mission({"WP01": {}}, slug=slug)
        kill_after(start(stage, slug), moment)
        assert stage.lane("WP01", slug) in ("planned", "in_progress")
        assert start_again(stage, slug)["no_op"] is False
        assert_started_once(stage, slug)
    assert stage.run("mailbox", "verify").exit_code == 0


@pytest.mark.campaign
@pytest.mark.parametrize("seed", [3])
def test_merge_killed_at_a_random_time_is_completed_by_the_same_id(stage: Stage, seed: int) -> None:
    for slug, moment in moments(seed):
        stage.write_mission({"WP01": {}}, slug=slug)
        stage.approve("WP01", {f"src/{slug}": "work\n"}, slug=slug)
        kill_after(merge(stage, slug), moment)
        assert stage.lane("WP01", slug) in ("approved", "done")
        assert merge_again(stage, slug)["merged_wps"] == ["WP01"]
        assert_merged_once(stage, slug)
    assert stage.run("mailbox", "verify").exit_code == 0


CALLS = 90
"""More calls than any command makes."""

STRIDE = 16
"""The fault suite covers every call; here each merge strategy is killed at some."""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("first", sampled([2, 1, *range(3, 9)], every=8))
def test_start_killed_at_a_git_call_is_completed_by_the_same_id(
    stage: Stage, tmp_path: Path, first: int, moment: str
) -> None:
    for call in range(first, CALLS, STRIDE):
        slug = f"{call:03}-search"
        stage.write_mission({"WP01": {}}, slug=slug)
        process = start(stage, slug, fatal_git(tmp_path / str(call), call=call, moment=moment))
        process.communicate(timeout=TIMEOUT_S)
        assert stage.lane("WP01", slug) in ("planned", "in_progress")
        start_again(stage, slug)
        assert_started_once(stage, slug)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
    assert process.returncode == 0
    assert call > 2


@pytest.mark.parametrize(
    ("first", "moment", "strategy"),
    sampled(
        [
            (1, "before", "merge"),
            (3, "after", "merge"),
            (2, "after", "rebase"),
            (4, "after", "squash"),
        ],
        every=4,
    ),
)
def test_merge_killed_at_a_git_call_is_completed_by_the_same_id(
    stage: Stage, tmp_path: Path, first: int, moment: str, strategy: str
) -> None:
    for call in range(first, CALLS, STRIDE):
        slug = f"{call:03}-search"
        stage.write_mission({"WP01": {}}, slug=slug)
        stage.approve("WP01", {f"src/{slug}": "work\n"}, slug=slug)
        env = fatal_git(tmp_path / str(call), call=call, moment=moment)
        process = merge(stage, slug, env, strategy)
        process.communicate(timeout=TIMEOUT_S)
        assert stage.lane("WP01", slug) in ("approved", "done")
        again = merge_again(stage, slug, strategy)
        assert again["commit"] == stage.git("rev-parse", "main")
        assert_merged_once(stage, slug)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
    assert process.returncode == 0
    assert call > 2


def test_killed_merge_does_not_block_another_merge_request(stage: Stage, tmp_path: Path) -> None:
    for call in range(4, 16, 3):
        slug = f"{call:03}-search"
        stage.write_mission({"WP01": {}}, slug=slug)
        stage.approve("WP01", {f"src/{slug}": "work\n"}, slug=slug)
        env = fatal_git(tmp_path / str(call), call=call, moment="after")
        merge(stage, slug, env).communicate(timeout=TIMEOUT_S)
        other = stage.done(
            "merge-mission", policy=None, mission=slug, correlation_id=f"other-{slug}"
        )
        assert other["merged_wps"] == ["WP01"]
        assert stage.lane("WP01", slug) == "done"
        assert stage.git("diff", "--name-only", "HEAD") == ""
        again = stage.ask("merge-mission", policy=None, mission=slug, correlation_id=slug)
        assert again["success"], json.dumps(again)
        dones = [e for e in stage.events(slug) if e.get("to_lane") == "done"]
        assert len(dones) == 1
