"""The doctor reads `tasks.md` the way `tasks finalize` does, and its advice works."""

from __future__ import annotations

import pytest

from specify_cli.errors import UsageError
from specify_cli.workflow.authoring import Authoring
from specify_cli.workflow.doctor_findings import Finding, Severity
from tests.unit.workflow.patient import SLUG, Patient, move

STATED = "## WP01 A\n\nOwned files: src/index/**\n\n## WP02 B\n\nDepends on: WP01\n"


def found(patient: Patient) -> list[Finding]:
    return patient.found("tasks-md") + patient.found("tasks-md-and-prompts")


def without_fields(patient: Patient) -> None:
    patient.write_prompt("WP01-index")
    patient.write_prompt("WP02-query")


def test_an_outline_that_agrees_with_the_prompts_has_no_findings(patient: Patient) -> None:
    patient.write("tasks.md", STATED)
    assert not found(patient)


def test_every_line_of_the_outline_that_finalize_would_refuse_is_reported(patient: Patient) -> None:
    faults = "Dependancies: WP01\n\nOwned file: a\n\nWP03 C\n---\n"
    patient.write("tasks.md", f"## WP01 A\n\n## WP02 B\n\n{faults}")
    assert patient.places("tasks-md") == [("tasks.md", 5), ("tasks.md", 7), ("tasks.md", 9)]
    assert {it.severity for it in found(patient)} == {Severity.WARNING}
    patient.write("tasks.md", "## WP01 A\n\nDepends on: WP09\n")
    assert patient.places("tasks-md") == [("tasks.md", 3)]
    patient.write("tasks.md", "## WP01 A\n\n```\nWithout an end.\n")
    assert patient.places("tasks-md") == [("tasks.md", 3)]


def test_fields_missing_from_prompts_are_one_finding_that_finalize_repairs(
    patient: Patient,
) -> None:
    patient.write("tasks.md", STATED)
    without_fields(patient)
    (one,) = found(patient)
    assert (one.file.name, one.line) == ("tasks.md", 3)
    assert "WP01 (owned_files), WP02 (dependencies)" in one.what
    assert one.repair == f"run 'spec-kitty tasks finalize {SLUG}'"
    Authoring(patient.project).finalize(SLUG)
    assert not found(patient)


@pytest.mark.parametrize(
    ("tasks", "place"),
    [
        ("## WP01 A\n\n## WP02 B\n\nDependencies: none\n", ("WP02-query.md", 4)),
        (f"{STATED}Owned files: lib/**\n", ("WP02-query.md", 5)),
        (f"{STATED}\n## WP03 C\n", ("tasks.md", 9)),
    ],
)
def test_a_conflict_that_finalize_refuses_is_reported_with_file_and_line(
    patient: Patient, tasks: str, place: tuple[str, int]
) -> None:
    patient.write("tasks.md", tasks)
    assert patient.places("tasks-md-and-prompts") == [place]
    with pytest.raises(UsageError):
        Authoring(patient.project).finalize(SLUG)


def test_finalize_is_not_advised_while_it_would_be_refused(patient: Patient) -> None:
    patient.write("tasks.md", "## WP01 A\n\nDepends on: WP02\n\n## WP02 B\n\n## WP03 C\n")
    patient.write_prompt("WP01-index")
    advised = {it.repair for it in found(patient)}
    assert len(advised) == 3
    assert f"run 'spec-kitty tasks finalize {SLUG}'" not in advised
    assert [it for it in found(patient) if "cycle" in it.what]


def test_a_package_with_work_begun_is_left_to_a_person(patient: Patient) -> None:
    patient.write("tasks.md", STATED)
    without_fields(patient)
    patient.write_log(move("WP02"))
    places = {
        (it.file.name, it.repair.startswith("work on WP02 has begun")) for it in found(patient)
    }
    assert places == {("tasks.md", False), ("WP02-query.md", True)}


def test_a_finished_mission_has_only_notes(patient: Patient) -> None:
    patient.write("tasks.md", f"{STATED}\nDepends on: WP07\n")
    patient.write_log(move("WP01", "done"), move("WP02", "canceled"))
    assert {it.severity for it in found(patient)} == {Severity.NOTE}


def test_prompts_in_status_lane_folders_are_not_reported_missing(patient: Patient) -> None:
    patient.write("tasks.md", STATED)
    (patient.mission / "tasks" / "done").mkdir()
    for path in (patient.mission / "tasks").glob("WP*.md"):
        path.rename(path.parent / "done" / path.name)
    assert not found(patient)
