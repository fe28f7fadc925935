"""The record holds the plan of execution lanes; `lanes.json` is a projection of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from specify_cli.storage.layout import Layout
from tests.integration.stage import SLUG, Stage
from tests.records import forget

EDITED = "somebody edited the plan of execution lanes; the host uses its own plan"
NOTE = {"mission": SLUG, "wp": "WP01", "actor": "ada", "note": "n"}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """WP01 is in progress in lane-a, WP02 is planned in lane-b."""
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission({"WP01": owns("src/1/**"), "WP02": owns("src/2/**")})
    made.done("start-implementation", mission=SLUG, wp="WP01", actor="ada")
    return made


def owns(*patterns: str) -> dict[str, Any]:
    return {"owned_files": list(patterns)}


def file(stage: Stage) -> Path:
    return stage.root / "kitty-specs" / SLUG / "lanes.json"


def planned(stage: Stage) -> dict[str, list[str]]:
    """The packages of each execution lane in `lanes.json`."""
    return {it["lane_id"]: it["wp_ids"] for it in json.loads(file(stage).read_text())["lanes"]}


def workspace(stage: Stage, wp_id: str) -> str:
    """The name of the workspace of the package."""
    path = stage.done("resolve-workspace", mission=SLUG, wp=wp_id, policy=None)["workspace_path"]
    return Path(path).name


def rewrite_prompt(stage: Stage, wp_id: str, *patterns: str) -> None:
    prompt = stage.root / "kitty-specs" / SLUG / "tasks" / f"{wp_id}-step.md"
    header = {"work_package_id": wp_id, "title": wp_id, **owns(*patterns)}
    prompt.write_text(f"---\n{json.dumps(header)}\n---\n\n# {wp_id}\n")


def lanes_findings(stage: Stage, command: str = "diagnose") -> list[str]:
    findings = stage.ask(command, policy=None, **({"actor": "ada"} if command == "repair" else {}))
    return [it["what"] for it in findings["data"]["findings"] if it["check"] == "lanes"]


def test_without_lanes_json_packages_keep_their_execution_lanes(stage: Stage) -> None:
    file(stage).unlink()
    rewrite_prompt(stage, "WP02", "src/1/**")
    assert (workspace(stage, "WP01"), workspace(stage, "WP02")) == (
        f"{SLUG}-lane-a",
        f"{SLUG}-lane-b",
    )
    rewrite_prompt(stage, "WP01", "src/9/**")
    stage.done("start-implementation", mission=SLUG, wp="WP02", actor="bo")
    assert planned(stage) == {"lane-a": ["WP01"], "lane-b": ["WP02"]}


@pytest.mark.parametrize("content", ['{"lanes": []}', "{", "", "<<<<<<< ours\n"])
def test_a_damaged_lanes_json_is_ignored_and_repaired(stage: Stage, content: str) -> None:
    right = planned(stage)
    file(stage).write_text(content)
    assert workspace(stage, "WP01") == f"{SLUG}-lane-a"
    stage.done("append-history", **NOTE)
    assert file(stage).read_text() == content
    assert lanes_findings(stage) == [EDITED]
    assert lanes_findings(stage, "repair") == []
    assert planned(stage) == right
    kept = [it.read_text() for it in Layout(stage.root).attic.rglob("lanes.json")]
    assert kept == [content]


def test_a_valid_edit_of_lanes_json_is_ignored_and_repaired(stage: Stage) -> None:
    right = file(stage).read_text()
    file(stage).write_text(right.replace('"lane-a"', '"lane-z"'))
    assert workspace(stage, "WP01") == f"{SLUG}-lane-a"
    assert lanes_findings(stage) == [EDITED]
    assert lanes_findings(stage, "repair") == []
    assert planned(stage) == {"lane-a": ["WP01"], "lane-b": ["WP02"]}


def link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [link, folder, os.mkfifo])
def test_what_replaced_lanes_json_is_moved_away_and_the_file_restored(
    stage: Stage, make: Callable[[Path], None]
) -> None:
    right = planned(stage)
    file(stage).unlink()
    make(file(stage))
    assert workspace(stage, "WP01") == f"{SLUG}-lane-a"
    stage.done("append-history", **NOTE)
    assert lanes_findings(stage) == [EDITED]
    assert lanes_findings(stage, "repair") == []
    assert (file(stage).is_symlink(), planned(stage)) == (False, right)


def test_a_removed_lanes_json_is_written_with_the_next_change(stage: Stage) -> None:
    right = planned(stage)
    file(stage).unlink()
    assert lanes_findings(stage) == [
        "the file is missing; the host has the plan and writes it with the next change"
    ]
    assert not file(stage).exists()
    stage.done("append-history", **NOTE)
    assert planned(stage) == right
    assert lanes_findings(stage) == []


def test_an_older_lanes_json_from_git_is_updated(stage: Stage) -> None:
    older = file(stage).read_text()
    folder = stage.root / "kitty-specs" / SLUG / "tasks"
    (folder / "WP03-step.md").write_text((folder / "WP02-step.md").read_text())
    rewrite_prompt(stage, "WP03", "src/3/**")
    stage.done("start-implementation", mission=SLUG, wp="WP03", actor="bo")
    newer = planned(stage)
    assert newer["lane-c"] == ["WP03"]
    file(stage).write_text(older)
    assert lanes_findings(stage) == ["the plan of execution lanes is older than the packages"]
    assert lanes_findings(stage, "repair") == []
    assert planned(stage) == newer


@pytest.mark.parametrize(
    ("moved", "lane"), [("lane-b", "lane-z"), ("lane-y", "lane-c")], ids=["goes on", "moves one"]
)
def test_a_colleagues_plan_is_used_only_if_it_extends_the_plan_on_record(
    stage: Stage, moved: str, lane: str
) -> None:
    folder = stage.root / "kitty-specs" / SLUG / "tasks"
    (folder / "WP03-step.md").write_text((folder / "WP02-step.md").read_text())
    rewrite_prompt(stage, "WP03", "src/3/**")
    content = json.loads(file(stage).read_text())
    content["lanes"][1]["lane_id"] = moved
    content["lanes"].append(content["lanes"][1] | {"lane_id": "lane-z", "wp_ids": ["WP03"]})
    file(stage).write_text(json.dumps(content))
    assert workspace(stage, "WP02") == f"{SLUG}-lane-b"
    assert workspace(stage, "WP03") == f"{SLUG}-{lane}"
    stage.done("start-implementation", mission=SLUG, wp="WP03", actor="bo")
    file(stage).unlink()
    assert workspace(stage, "WP03") == f"{SLUG}-{lane}"


def test_the_plan_of_an_older_release_is_adopted_with_the_first_change(stage: Stage) -> None:
    old = file(stage).read_text().replace('"lane-b"', '"lane-q"')
    file(stage).write_text(old)
    forget(stage.root)
    assert workspace(stage, "WP02") == f"{SLUG}-lane-q"
    stage.done("append-history", **NOTE)
    file(stage).unlink()
    rewrite_prompt(stage, "WP02", "src/1/**")
    assert workspace(stage, "WP02") == f"{SLUG}-lane-q"


def test_a_damaged_plan_of_an_older_release_refuses_starts_but_not_notes(stage: Stage) -> None:
    forget(stage.root)
    file(stage).write_text("{")
    stage.done("append-history", **NOTE)
    refused = stage.ask("start-implementation", mission=SLUG, wp="WP02", actor="bo")
    assert refused["error_code"] == "STATE_UNREADABLE"


def test_lanes_json_is_not_written_on_another_branch(stage: Stage) -> None:
    stage.git("add", "-A", "kitty-specs")
    stage.git("commit", "-q", "-m", "mission")
    stage.git("switch", "-q", "-c", "other")
    stage.git("rm", "-q", str(file(stage)), str(stage.log()))
    stage.git("commit", "-q", "-m", "without")
    stage.done("append-history", **NOTE)
    assert not file(stage).exists()
    assert workspace(stage, "WP01") == f"{SLUG}-lane-a"
    stage.git("switch", "-q", "main")
    assert planned(stage)["lane-a"] == ["WP01"]


def test_a_new_mission_does_not_inherit_the_plan_of_one_with_the_same_name(stage: Stage) -> None:
    folder = stage.root / "kitty-specs"
    (folder / SLUG).rename(stage.root / "gone")
    stage.write_mission({"WP01": {}}, mission_id="01JA0000000000000000000009")
    state = stage.done("mission-state", mission=SLUG, policy=None)
    assert state["work_packages"][0]["lane"] == "planned"
    stage.done("append-history", **NOTE)
    assert not file(stage).exists()
