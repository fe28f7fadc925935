"""Below kitty-specs the host opens only regular files, and writes nothing through a symlink."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.core.drafts import PackageDraft
from specify_cli.errors import SpecKittyError, StateUnreadable, StorageFailed
from specify_cli.storage import package_files
from specify_cli.workflow.authoring import Authoring, initialize
from specify_cli.workflow.authoring_packages import Packages
from specify_cli.workflow.context import Effects, RequestContext
from specify_cli.workflow.doctor import Doctor
from specify_cli.workflow.doctor_repairs import repair_one
from tests.unit.workflow.patient import LONG_AGO, SLUG, Patient

REFUSED = (StateUnreadable, StorageFailed)
CAUSE = RequestContext(
    correlation_id="corr-1", identity="uid:0", request_digest="0" * 64, effects=Effects()
)
DRAFT = PackageDraft(title="Third", dependencies=(), owned_files=(), subtasks=(), prompt="")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder outside of the project."""
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


def put_fifo(path: Path) -> None:
    os.mkfifo(path)


def put_link(path: Path) -> None:
    path.symlink_to(path.parent / "meta.json")


def put_dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nothing")


def put_folder(path: Path) -> None:
    path.mkdir()


def put_huge_file(path: Path) -> None:
    path.touch()
    os.truncate(path, 2 * package_files.MAX_TEXT_BYTES)


NO_FILES = (put_fifo, put_link, put_dangling_link, put_folder)


def moved_elsewhere(folder: Path, outside: Path) -> Path:
    """Move the folder outside and replace it by a symlink; return its new path."""
    there = outside / folder.name
    folder.rename(there)
    folder.symlink_to(there)
    return there


def test_init_writes_nothing_through_a_symlink(tmp_path: Path, outside: Path) -> None:
    patient_root = tmp_path / "project"
    patient_root.mkdir()
    Patient(patient_root)
    specs = patient_root / "kitty-specs"
    specs.rename(tmp_path / "before")
    specs.symlink_to(outside)
    with pytest.raises(REFUSED) as refused:
        initialize(patient_root)
    assert "kitty-specs" in refused.value.message
    assert not list(outside.iterdir())


@pytest.mark.parametrize("put", NO_FILES)
@pytest.mark.parametrize("name", ["plan.md", "tasks.md"])
def test_plan_refuses_what_is_not_a_regular_file(
    patient: Patient, name: str, put: Callable[[Path], None]
) -> None:
    path = patient.mission / name
    path.unlink(missing_ok=True)
    put(path)
    with pytest.raises(REFUSED) as refused:
        Authoring(patient.project).write_plan(SLUG)
    assert str(path) in refused.value.message
    assert sorted(it.name for it in patient.mission.iterdir()) == sorted(
        {"meta.json", "tasks", "tasks.md", name}
    )


def test_create_mission_does_not_write_through_a_symlink(patient: Patient, outside: Path) -> None:
    (patient.project.missions / "002-next").symlink_to(outside)
    with pytest.raises(REFUSED) as refused:
        Authoring(patient.project).create_mission("Next")
    assert "002-next" in refused.value.message
    assert not list(outside.iterdir())


def test_packages_are_not_written_through_a_symlinked_folder(
    patient: Patient, outside: Path
) -> None:
    there = moved_elsewhere(patient.mission / "tasks", outside)
    before = sorted(there.iterdir())
    with pytest.raises(REFUSED):
        Authoring(patient.project).add_package(SLUG, DRAFT, CAUSE)
    patient.write("tasks.md", "## WP03: Third\n")
    with pytest.raises(REFUSED):
        Packages(patient.project).write(SLUG, CAUSE)
    assert sorted(there.iterdir()) == before


@pytest.mark.parametrize("name", ["tasks/WP01-index.md", "tasks.md"])
def test_a_huge_file_is_refused_before_it_is_read(patient: Patient, name: str) -> None:
    put_huge_file(patient.mission / name)
    for ask in (
        lambda: Packages(patient.project).write(SLUG, CAUSE),
        lambda: Authoring(patient.project).finalize(SLUG),
    ):
        with pytest.raises(StateUnreadable) as refused:
            ask()
        assert str(package_files.MAX_TEXT_BYTES) in refused.value.message
        assert name in refused.value.message
    assert (patient.mission / name).name in {
        it.file.name for it in Doctor(patient.project).diagnose().findings
    }


def test_the_doctor_changes_nothing_in_a_symlinked_folder(patient: Patient, outside: Path) -> None:
    there = moved_elsewhere(patient.mission / "tasks", outside)
    draft = there / f".WP01.md.{'0' * 16}.tmp"
    draft.write_text("theirs")
    (there / "WP01-index.md").write_bytes(b"\xef\xbb\xbf---\nwork_package_id: WP01\n---\n")
    before = {it.name: it.read_bytes() for it in there.iterdir()}
    os.utime(draft, (LONG_AGO, LONG_AGO))
    assert patient.found("stale-draft") == []
    Doctor(patient.project).repair()
    assert {it.name: it.read_bytes() for it in there.iterdir()} == before


def test_the_doctor_reports_a_prompt_folder_that_is_a_symlink(
    patient: Patient, outside: Path
) -> None:
    moved_elsewhere(patient.mission / "tasks", outside)
    assert patient.places("unreadable-file") == [("tasks", None)]
    assert not patient.found("no-tasks")


@pytest.mark.parametrize("check", ["byte-order-mark", "stale-draft", "lanes"])
def test_a_folder_replaced_by_a_symlink_after_the_diagnosis_is_not_repaired(
    patient: Patient, outside: Path, check: str
) -> None:
    (patient.mission / "tasks" / "WP01-index.md").write_bytes(
        b"\xef\xbb\xbf---\nwork_package_id: WP01\n---\n"
    )
    draft = patient.write(f"tasks/.WP01.md.{'0' * 16}.tmp", "half")
    os.utime(draft, (LONG_AGO, LONG_AGO))
    patient.write_log(
        {
            "event_id": "01K8QZ4W3M4Y6T1F8B2Q5R7X01",
            "at": "2026-05-01T10:00:00+00:00",
            "actor": "alice",
            "wp_id": "WP01",
            "from_lane": "planned",
            "to_lane": "claimed",
        }
    )
    (found,) = patient.found(check)
    there = moved_elsewhere(found.file.parent, outside)
    before = {it.name for it in there.iterdir()}
    assert not repair_one(patient.project, found, actor="x", cause=None)
    assert {it.name for it in there.iterdir()} == before


def test_the_doctor_does_not_repair_if_the_attic_is_a_symlink(
    patient: Patient, outside: Path
) -> None:
    (patient.project.host / "attic").symlink_to(outside)
    (patient.mission / "spec.md").write_bytes(b"\xef\xbb\xbfwords")
    assert not Doctor(patient.project).repair().repaired
    assert not list(outside.iterdir())
    assert (patient.mission / "spec.md").read_bytes() == b"\xef\xbb\xbfwords"


@pytest.mark.parametrize("put", NO_FILES)
def test_a_prompt_that_is_not_a_regular_file_is_refused_by_name(
    patient: Patient, put: Callable[[Path], None]
) -> None:
    path = patient.mission / "tasks" / "WP03-third.md"
    put(path)
    with pytest.raises(SpecKittyError) as refused:
        Authoring(patient.project).add_package(SLUG, DRAFT, CAUSE)
    assert str(path) in refused.value.message


def test_a_mission_that_cannot_be_written_leaves_no_folder(patient: Patient) -> None:
    before = sorted(patient.project.missions.iterdir())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, limits[1]))
    try:
        with pytest.raises(StorageFailed):
            Authoring(patient.project).create_mission("Second")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(patient.project.missions.iterdir()) == before
