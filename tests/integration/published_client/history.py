"""Read the outcome of a mission from the event log and git."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.integration.stage import Stage

TABLE = json.loads(
    (Path(__file__).parents[3] / "contract" / "v1" / "lanes.json").read_text(encoding="utf-8")
)
TAKEN = ["planned -> claimed", "claimed -> in_progress"]
REVIEWED = ["in_progress -> for_review", "for_review -> in_review"]
# The published client sends no review result, so it forces the transitions after a review.
FORCED_DONE = "in_review -> done, forced"
FORCED_REWORK = "in_review -> in_progress, forced"
AT_WORK = {"claimed", "in_progress", "for_review", "in_review"}


def moves(stage: Stage, wp_id: str) -> list[str]:
    """The package's transitions in order, as "from -> to", forced ones marked."""
    return [named(event) for event in moving_events(stage) if event["wp_id"] == wp_id]


def forced(stage: Stage) -> set[str]:
    """Every kind of forced transition of any package."""
    return {named(event) for event in moving_events(stage) if event["force"]}


def moving_events(stage: Stage) -> list[dict[str, Any]]:
    return [event for event in stage.events() if "to_lane" in event]


def named(event: Mapping[str, Any]) -> str:
    move = f"{event['from_lane']} -> {event['to_lane']}"
    return f"{move}, forced" if event["force"] else move


def most_at_work(stage: Stage) -> int:
    """The largest number of packages in progress at the same time."""
    lanes: dict[str, str] = {}
    most = 0
    for event in moving_events(stage):
        lanes[event["wp_id"]] = event["to_lane"]
        most = max(most, sum(lane in AT_WORK for lane in lanes.values()))
    return most


def subtasks_marked_done(stage: Stage) -> set[str]:
    marks: dict[str, str] = {}
    for event in stage.events():
        marks |= event.get("delta", {}).get("subtasks", {})
    return {name for name, status in marks.items() if status == "done"}


def commits(stage: Stage, wp_id: str, *, branch: str = "main") -> list[str]:
    """The agents' commits for the package, oldest first."""
    return stage.git(
        "log", "--reverse", "--format=%H", f"--grep=^{wp_id}: by", branch, "--"
    ).splitlines()


def assert_no_lane_was_skipped(stage: Stage) -> None:
    """Each transition starts where the previous one ended, and is allowed or recorded as forced."""
    table = {(move["from"], move["to"]) for move in TABLE["moves"]}
    lanes: dict[str, str] = {}
    for event in moving_events(stage):
        assert event["from_lane"] == lanes.get(event["wp_id"], "planned"), event
        assert event["force"] or (event["from_lane"], event["to_lane"]) in table, event
        lanes[event["wp_id"]] = event["to_lane"]


def assert_merged(stage: Stage, packages: Mapping[str, Mapping[str, Any]]) -> None:
    """`main` has every package's work, after that of its dependencies, and the checkout is clean."""
    for wp_id, package in packages.items():
        for name in package["owned_files"]:
            lines = stage.git("show", f"main:{name}").splitlines()
            assert any(line.startswith(f"{wp_id}: ") for line in lines), (wp_id, name, lines)
        for needed in package.get("dependencies", []):
            assert_follows(stage, commits(stage, wp_id), commits(stage, needed))
    last_lanes = {event["wp_id"]: event["to_lane"] for event in moving_events(stage)}
    assert last_lanes == dict.fromkeys(packages, "done")
    assert stage.git("status", "--porcelain").splitlines() == ["?? .kittify/"]


def assert_follows(stage: Stage, later: Sequence[str], earlier: Sequence[str]) -> None:
    """The first of the later commits descends from all earlier ones."""
    assert later
    assert earlier
    for commit in earlier:
        base = stage.git("merge-base", commit, later[0])
        assert base == commit
