"""A repository in which git refuses to work is reported as such, not as a missing repository."""

from __future__ import annotations

import pytest

from tests.integration.stage import SLUG, Stage


@pytest.fixture(params=["config", "HEAD"])
def refused(request: pytest.FixtureRequest, stage: Stage) -> Stage:
    """A project with a repository in which git refuses to work."""
    stage.write_mission({"WP01": {"owned_files": ["src/**"]}})
    stage.approve("WP01", {"src/work.py": "work\n"})
    if request.param == "config":
        (stage.root / ".git" / "config").write_text("[damaged\n")
    else:
        (stage.root / ".git" / "HEAD").unlink()
    return stage


def test_resolve_workspace_reports_the_git_error(refused: Stage) -> None:
    told = refused.ask("resolve-workspace", mission=SLUG, wp="WP01")
    assert told["error_code"] == "STORAGE_FAILED"
    assert "git" in told["data"]["message"]


def test_transition_reports_the_git_error(refused: Stage) -> None:
    back = {"to": "in_progress", "actor": "reviewer", "review_ref": "r2"}
    told = refused.ask("transition", mission=SLUG, wp="WP01", **back)
    assert told["error_code"] in {"STORAGE_FAILED", "LANE_ALLOCATION_FAILED"}


def test_status_works_and_doctor_reports_the_damage(refused: Stage) -> None:
    assert refused.run("status").exit_code == 0
    found = refused.run("doctor")
    assert found.exit_code != 0
    assert b"no-git" in found.stdout
