"""Projects created by the public tool are continued and merged without changing its files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.campaign import sampled
from tests.integration.stage import APPROVED, POLICY, Stage, flags

PROJECTS = Path(__file__).parent / "projects"
MISSIONS = {
    "numbered": "034-full-text-search",
    "unnumbered": "user-login",
    "windows": "007-menü-übersetzung",
}
SELECTORS = {"numbered": "01K8QZ4W", "unnumbered": "user-login", "windows": "7"}
TITLES = {
    "numbered": ["Index: tokens & storage", "Query parser", "Ranking"],
    "unnumbered": ["Session store", "Login form"],
    "windows": ["Wörterbuch 辞書, erste Fassung", "Oberfläche"],
}
DEPENDENCIES: dict[str, list[list[str]]] = {
    "numbered": [[], ["WP01"], ["WP01", "WP02"]],
    "unnumbered": [[], ["WP01"]],
    "windows": [[], ["WP01"]],
}
STEPS = {
    "numbered": [(2, 2), (0, 2), (0, 1)],
    "unnumbered": [(1, 2), (0, 1)],
    "windows": [(1, 3), (0, 1)],
}
OPEN_STEPS = {
    "numbered": {"WP02": ["T003", "T004"], "WP03": ["T005"]},
    "unnumbered": {"WP01": ["T002"], "WP02": ["T003"]},
    "windows": {"WP01": ["T002", "T003"], "WP02": ["Menü umbauen"]},
}
FIRST = {"numbered": "WP02", "unnumbered": "WP01", "windows": "WP01"}

every_project = pytest.mark.parametrize("name", sampled(sorted(MISSIONS), every=2))


def imported(stage: Stage, name: str) -> Path:
    """Commit the project's files in the stage and return the folder of its mission."""
    shutil.copytree(PROJECTS / name, stage.root, dirs_exist_ok=True)
    stage.git("add", "-A")
    stage.git("commit", "-q", "-m", "laid out by the public tool")
    return stage.root / "kitty-specs" / MISSIONS[name]


def written_by_others(folder: Path) -> dict[Path, bytes]:
    """Every file of the mission that the host must not change."""
    ours = {"status.events.jsonl", "lanes.json"}
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name not in ours}


def mark_steps(stage: Stage, name: str, wp: str) -> None:
    """Mark every open subtask of the package as done."""
    steps = {"subtasks": OPEN_STEPS[name][wp], "status": "done", "actor": "coder"}
    stage.done("mark-subtasks", policy=None, mission=MISSIONS[name], **steps)


def carry_on_at_the_command_line(stage: Stage, name: str) -> None:
    """Implement and approve the first open package, each step in a process of its own."""
    mission, wp = MISSIONS[name], FIRST[name]

    def done(command: str, **values: str) -> dict[str, Any]:
        words = flags(mission=mission, policy=POLICY, wp=wp, **values)
        answer = stage.api(command, *words)
        assert answer.code is None, answer
        data: dict[str, Any] = answer.envelope["data"]
        return data

    begun = done("start-implementation", actor="coder")
    stage.commit({f"src/{wp}.txt": "done\n"}, folder=Path(begun["workspace_path"]))
    mark_steps(stage, name, wp)
    done("transition", to="for_review", actor="coder")
    done("start-review", actor="reviewer")
    result = json.dumps(APPROVED)
    done("transition", to="approved", actor="reviewer", review_result_json=result)


def open_packages(stage: Stage, mission: str) -> list[str]:
    state = stage.done("mission-state", policy=None, mission=mission)
    finished = ("approved", "done")
    return [p["wp_id"] for p in state["work_packages"] if p["lane"] not in finished]


@every_project
def test_packages_are_read_as_written(stage: Stage, name: str) -> None:
    imported(stage, name)
    answer = stage.api("mission-state", "--mission", SELECTORS[name])
    data = answer.envelope["data"]
    assert answer.code is None
    assert data["mission_slug"] == MISSIONS[name]
    packages = data["work_packages"]
    assert [p["title"] for p in packages] == TITLES[name]
    assert [p["dependencies"] for p in packages] == DEPENDENCIES[name]
    assert [(p["subtasks"]["done"], p["subtasks"]["total"]) for p in packages] == STEPS[name]


@every_project
def test_mission_started_with_another_tool_can_be_merged(stage: Stage, name: str) -> None:
    folder = imported(stage, name)
    mission, log = MISSIONS[name], folder / "status.events.jsonl"
    theirs, foreign = written_by_others(folder), log.read_bytes()

    carry_on_at_the_command_line(stage, name)
    for wp in open_packages(stage, mission):
        mark_steps(stage, name, wp)
        stage.approve(wp, {f"src/{wp}.txt": "done\n"}, slug=mission)
    stage.done("accept-mission", mission=mission, actor="owner")
    merged = stage.api("merge-mission", "--mission", mission)

    assert merged.code is None
    assert merged.envelope["data"]["merged"] is True
    assert (stage.root / "src" / f"{FIRST[name]}.txt").read_text() == "done\n"
    assert log.read_bytes().startswith(foreign)
    assert written_by_others(folder) == theirs
    committed = stage.git("rev-parse", f"main:kitty-specs/{mission}/status.events.jsonl")
    assert stage.git("hash-object", "--no-filters", str(log)) == committed


def test_lanes_json_keeps_fields_of_another_tool(stage: Stage) -> None:
    folder = imported(stage, "numbered")
    before = json.loads((folder / "lanes.json").read_text())
    stage.done("finalize-tasks", policy=None, mission=MISSIONS["numbered"])
    after = json.loads((folder / "lanes.json").read_text())
    assert [lane["wp_ids"] for lane in after["lanes"]] == [["WP01"], ["WP02"], ["WP03"]]
    assert after["computed_from"] == before["computed_from"]
    assert after["collapse_report"] == before["collapse_report"]
    assert after["lanes"][0]["predicted_surfaces"] == ["index"]


def test_status_json_of_another_tool_is_ignored(stage: Stage) -> None:
    folder = imported(stage, "numbered")
    (folder / "status.json").write_bytes(b"\xff not even JSON")
    assert stage.lane("WP01", MISSIONS["numbered"]) == "done"
    assert stage.lane("WP02", MISSIONS["numbered"]) == "planned"
