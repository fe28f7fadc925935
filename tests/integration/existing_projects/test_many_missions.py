"""A project with missions of every layout found in public projects."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks.many_missions import SHAPES, write_missions
from tests.integration.stage import Stage

COUNT = 60


@pytest.mark.campaign
def test_doctor_reports_and_imports_status_of_earlier_tools(stage: Stage) -> None:
    write_missions(stage.root, COUNT)
    stage.git("add", "-A")
    stage.git("commit", "-q", "-m", "laid out by the public tool")

    found = json.loads(stage.run("doctor", "--json").stdout)["data"]["findings"]
    former = [it for it in found if it["check"] == "former-status"]
    assert len(former) == 2 * COUNT // len(SHAPES)
    assert not [it for it in found if it["check"] in ("ignored-prompt", "tasks-md")]
    lacking = [it for it in found if it["check"] == "tasks-md-and-prompts"]
    assert len(lacking) == COUNT // len(SHAPES)
    assert len(stage.run("doctor").stdout.splitlines()) < COUNT + 10

    stage.run("doctor", "--fix")

    left = json.loads(stage.run("doctor", "--json").stdout)["data"]["findings"]
    assert not [it for it in left if it["check"] == "former-status"]
    assert stage.lane("WP01", "004-mission") == "for_review"
    assert stage.lane("WP04", "005-mission") == "done"


def test_command_advised_by_doctor_updates_prompts_from_tasks_md(stage: Stage) -> None:
    write_missions(stage.root, len(SHAPES))
    words = ["doctor", "--mission", "007-mission", "--json"]
    advised = [
        it["repair"]
        for it in json.loads(stage.run(*words).stdout)["data"]["findings"]
        if it["check"] == "tasks-md-and-prompts"
    ]
    assert advised == ["run 'spec-kitty tasks finalize 007-mission'"]
    assert stage.run("tasks", "finalize", "007-mission").exit_code == 0
    state = stage.done("mission-state", policy=None, mission="007-mission")
    assert [it["dependencies"] for it in state["work_packages"]] == [[], *[["WP01"]] * 3]
    found = json.loads(stage.run(*words).stdout)["data"]["findings"]
    assert not [it for it in found if it["check"].startswith("tasks-md")]


def test_actors_and_status_lanes_of_other_versions_are_read(stage: Stage) -> None:
    write_missions(stage.root, len(SHAPES))
    state = stage.done("mission-state", policy=None, mission="006-mission")
    assert state["work_packages"][0]["lane"] == "in_progress"
    found = json.loads(stage.run("doctor", "--mission", "006-mission", "--json").stdout)["data"]
    assert not [it for it in found["findings"] if it["severity"] == "error"]


def test_status_without_a_mission_suggests_the_newest_of_many(stage: Stage) -> None:
    write_missions(stage.root, COUNT)
    refused = stage.run("status")
    assert refused.exit_code == 2
    assert b"060-mission" in refused.stderr
    assert b"'spec-kitty mission list'" in refused.stderr
    assert len(refused.stderr) < 400
