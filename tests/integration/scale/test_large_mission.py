"""A mission with five hundred packages and five times as many events."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from specify_cli import ids
from specify_cli.core.lanes import Lane
from tests.integration.stage import SLUG, Stage, environment, flags

COUNT = 500
STEPS = [Lane.CLAIMED, Lane.IN_PROGRESS, Lane.FOR_REVIEW, Lane.IN_REVIEW, Lane.APPROVED]


def wp(number: int) -> str:
    return f"WP{number:03}"


def event(number: int, origin: Lane, to: Lane) -> dict[str, Any]:
    return {
        "event_id": ids.ulid(),
        "at": "2026-01-01T00:00:00+00:00",
        "actor": f"coder-{number}",
        "mission_slug": SLUG,
        "wp_id": wp(number),
        "from_lane": origin,
        "to_lane": to,
        "force": False,
        "reason": None,
        "review_ref": None,
        "evidence": None,
        "execution_mode": "worktree",
        "policy_metadata": None,
    }


@pytest.fixture
def large(stage: Stage) -> Stage:
    """Every tenth package is planned; the others are between one and five steps further."""
    packages = {
        wp(n): {"owned_files": [f"src/{n}/**"], "dependencies": [wp(n - 1)] if n > 1 else []}
        for n in range(1, COUNT + 1)
    }
    folder = stage.write_mission(packages)
    lines = []
    for number in range(1, COUNT + 1):
        lanes = [Lane.PLANNED, *STEPS[: number % 10]]
        lines += [event(number, a, b) for a, b in pairwise(lanes)]
    while len(lines) < 5 * COUNT:
        note = {"kind": "annotation", "delta": {"note": "n"}, "wp_id": wp(1), "actor": "coder-1"}
        lines.append(note | {"event_id": ids.ulid(), "at": "2026-01-02T00:00:00+00:00"})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "status.events.jsonl").write_text(text)
    return stage


@pytest.fixture
def without_git(tmp_path: Path) -> dict[str, str]:
    """An environment in which no program can be found."""
    empty = tmp_path / "bin"
    empty.mkdir()
    return environment(PATH=str(empty))


def test_large_mission_state_matches_its_events(large: Stage, without_git: dict[str, str]) -> None:
    assert len(large.events()) == 5 * COUNT
    data = large.api("mission-state", *flags(), env=without_git).envelope["data"]
    packages = {package["wp_id"]: package for package in data["work_packages"]}
    expected = {wp(n): [Lane.PLANNED, *STEPS[: n % 10]][-1].value for n in range(1, COUNT + 1)}
    assert {wp_id: package["lane"] for wp_id, package in packages.items()} == expected
    assert data["summary"] == {
        **{lane.value: Counter(expected.values())[lane.value] for lane in Lane},
        "total": COUNT,
    }
    assert list(packages) == sorted(packages)
    assert packages[wp(1)]["last_actor"] == "coder-1"
    assert packages[wp(10)]["last_actor"] is None


def test_large_mission_lists_ready_packages(large: Stage, without_git: dict[str, str]) -> None:
    data = large.api("list-ready", *flags(), env=without_git).envelope["data"]
    ready = {package["wp_id"] for package in data["ready_work_packages"]}
    # Every tenth package is planned, and the one before it is approved.
    assert ready == {wp(n) for n in range(10, COUNT + 1, 10)}


@pytest.mark.parametrize(
    "words",
    [
        ["orchestrator-api", "contract-version"],
        ["orchestrator-api", "mission-state", "--mission", SLUG],
        ["orchestrator-api", "list-ready", "--mission", SLUG],
        ["orchestrator-api", "append-history", *flags(wp="WP01", actor="coder", note="n")],
        ["status", SLUG],
        ["mission", "list"],
    ],
)
def test_reads_and_notes_start_no_git(
    stage: Stage, without_git: dict[str, str], words: list[str]
) -> None:
    stage.write_mission({"WP01": {}})
    assert stage.run(*words, env=without_git).exit_code == 0
