"""Marks of subtasks: the cost of a request with many names is bounded by its size."""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.workflow.mission import OpenMission
from tests.integration.stage import SLUG, Stage

PACKAGES = 5


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission(
        {f"WP0{it}": {"subtasks": [f"T{it}1", f"T{it}2"]} for it in range(1, PACKAGES + 1)}
    )
    return made


def test_repeated_subtask_names_are_looked_up_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks, looked = OpenMission.subtask_ticks, list[str]()

    def counted(mission: OpenMission, wp_id: str) -> dict[str, bool]:
        looked.append(wp_id)
        return ticks(mission, wp_id)

    monkeypatch.setattr(OpenMission, "subtask_ticks", counted)
    names = ["WP05", "T11", "T51"] * 50
    mark = {"mission": SLUG, "actor": "coder", "status": "done"}
    assert stage.done("mark-subtasks", subtasks=names, **mark)["work_packages"] == ["WP05", "WP01"]
    assert len(looked) == PACKAGES + 1
    prompt = stage.done("show-prompt", mission=SLUG, wp="WP05")
    assert [it["done"] for it in prompt["subtasks"]] == [True, True]


def test_a_mark_that_changes_nothing_is_reported_and_not_recorded(stage: Stage) -> None:
    mark = {"mission": SLUG, "actor": "coder"}
    assert "unchanged" not in stage.done("mark-subtasks", subtasks=["T11"], status="done", **mark)
    again = stage.done("mark-subtasks", subtasks=["T11", "T21"], status="done", **mark)
    assert (again["unchanged"], again["work_packages"]) == (["T11"], ["WP01", "WP02"])
    whole = stage.done("mark-subtasks", subtasks=["T11", "T12"], status="pending", **mark)
    assert whole["unchanged"] == ["T12"]
    assert stage.done("mark-subtasks", subtasks=["WP03"], status="pending", **mark)["unchanged"]
    marked = [it["delta"]["subtasks"] for it in stage.events()]
    assert marked == [{"T11": "done"}, {"T21": "done"}, {"T11": "pending"}]
