from __future__ import annotations

import shutil

import pytest

from specify_cli import processes
from specify_cli.storage.layout import Layout
from specify_cli.storage.project import Project
from specify_cli.storage.record_folder import make_record_folder
from specify_cli.storage.settings import HostSettings, IntakeRule
from specify_cli.vcs import sandbox, scratch_repository
from specify_cli.workflow import doctor_host
from specify_cli.workflow.doctor import Diagnosis, Doctor
from specify_cli.workflow.doctor_findings import Severity
from tests.integration.stage import SLUG, Stage


def doctor(stage: Stage, settings: HostSettings | None = None) -> Doctor:
    return Doctor(Project(stage.root, load_settings=lambda: settings or HostSettings()))


def severities(diagnosis: Diagnosis) -> dict[str, Severity]:
    return {it.check: it.severity for it in diagnosis.findings}


@pytest.mark.parametrize(
    ("intake", "has_orchestrators", "severity"),
    [
        ("warn", False, Severity.NOTE),
        ("warn", True, Severity.WARNING),
        ("require-sandbox", True, Severity.ERROR),
        ("require-sandbox", False, Severity.ERROR),
    ],
)
def test_the_severity_of_intake_without_a_sandbox_depends_on_the_settings(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    intake: IntakeRule,
    has_orchestrators: bool,
    severity: Severity,
) -> None:
    settings = HostSettings(intake=intake, has_orchestrators=has_orchestrators)
    monkeypatch.setattr(doctor_host, "sandbox_for", lambda _: sandbox.Sandbox(is_isolated=True))
    assert "intake" not in severities(doctor(stage, settings).diagnose())
    monkeypatch.setattr(doctor_host, "sandbox_for", lambda _: sandbox.Sandbox(is_isolated=False))
    assert severities(doctor(stage, settings).diagnose())["intake"] is severity


@pytest.mark.parametrize(
    ("has_orchestrators", "severity"), [(False, Severity.NOTE), (True, Severity.WARNING)]
)
def test_a_linked_worktree_is_a_warning_only_with_orchestrators(
    stage: Stage, has_orchestrators: bool, severity: Severity
) -> None:
    place = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    stage.git("worktree", "add", "-q", "-b", f"kitty/mission-{SLUG}-lane-a", str(place))
    settings = HostSettings(has_orchestrators=has_orchestrators)
    assert severities(doctor(stage, settings).diagnose())["linked-worktree"] is severity


def test_shared_objects_are_reported_only_with_orchestrators(
    stage: Stage,
) -> None:
    stage.begin()
    assert "shared-objects" not in severities(doctor(stage).diagnose())
    settings = HostSettings(has_orchestrators=True)
    assert severities(doctor(stage, settings).diagnose())["shared-objects"] is Severity.WARNING


def test_a_repository_in_the_place_of_a_workspace_is_an_error(stage: Stage) -> None:
    place = stage.begin()
    place.rename(place.with_name("moved"))
    stage.git("init", "-q", str(place))
    assert severities(doctor(stage).diagnose())["not-a-workspace"] is Severity.ERROR


def test_a_workspace_without_a_repository_is_damaged_and_not_on_a_wrong_branch(
    stage: Stage,
) -> None:
    place = stage.begin()
    (place / ".git").rename(place / ".got")
    found = {it.check: it for it in doctor(stage).diagnose().findings}
    assert str(place / ".git") in found["damaged-workspace"].what
    assert "wrong-branch" not in found


def test_uncommitted_work_of_an_approved_package_is_reported(stage: Stage) -> None:
    place = stage.approve("WP01", {"a/one": "1\n"})
    (place / "late").touch()
    found = {it.check: it for it in doctor(stage).diagnose().findings}
    assert found["dirty-worktree"].what.endswith("uncommitted work: late")


def test_the_advice_about_a_missing_workspace_depends_on_the_package_state(stage: Stage) -> None:
    def advice() -> str:
        found = {it.check: it for it in doctor(stage).diagnose().findings}
        return found["no-worktree"].repair or ""

    start = {"mission": SLUG, "wp": "WP01", "actor": "coder"}
    place = stage.begin()
    shutil.rmtree(place)
    assert "start the package again" in advice()
    stage.done("start-implementation", **start)
    stage.commit({"a/one": "1\n"}, folder=place)
    stage.done("transition", to="for_review", subtasks_complete=True, **start)
    shutil.rmtree(place)
    assert "a review does not need it" in advice()
    stage.done("start-review", mission=SLUG, wp="WP01", actor="reviewer")
    stage.done(
        "transition",
        **{**start, "actor": "reviewer"},
        to="in_progress",
        review_result={"reviewer": "r", "verdict": "changes_requested", "reference": "x"},
    )
    stage.done("start-implementation", **start)
    assert place.is_dir()


def test_only_the_record_of_a_missing_workspace_is_removed(stage: Stage) -> None:
    place = stage.begin()
    records = Layout(stage.root).host / "workspaces"
    record = records / f"{place.name}.json"
    gone = record.with_name("gone.json")
    gone.write_bytes(record.read_bytes())
    ailing = doctor(stage)
    assert severities(ailing.diagnose())["workspace-record"] is Severity.NOTE
    assert [it.file for it in ailing.repair().repaired if it.check == "workspace-record"] == [gone]
    assert {it.name for it in records.iterdir()} == {record.name}


def test_the_scratch_repository_of_a_dead_host_is_reported_and_removed(stage: Stage) -> None:
    here = processes.this_process()
    folder = stage.root / ".git" / scratch_repository.FOLDER
    names = {it: f"{it}.0123456789abcdef" for it in (here, here._replace(pid=1, started="1"))}
    for name in names.values():
        (folder / name).mkdir(parents=True)
    make_record_folder(Layout(stage.root))
    ailing = doctor(stage)
    assert severities(ailing.diagnose())["scratch"] is Severity.NOTE
    assert [it.check for it in ailing.repair().repaired] == ["scratch"]
    assert [it.name for it in folder.iterdir()] == [names[here]]
