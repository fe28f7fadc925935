"""Status that an earlier tool kept in front matter or in folders is adopted without loss."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from specify_cli.core.events import Event
from specify_cli.files import locks
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.storage.recorded_log import RecordedLog
from specify_cli.storage.renaming import rename_new
from specify_cli.workflow import doctor_former_status
from specify_cli.workflow.context import Effects, RequestContext
from specify_cli.workflow.doctor import Doctor
from specify_cli.workflow.mission import open_mission
from tests.unit.workflow.patient import SLUG, Patient, move

CAUSE = RequestContext(correlation_id="corr-1", request_digest="d" * 64, effects=Effects())


def lanes(patient: Patient) -> dict[str, str]:
    mission = open_mission(patient.project, SLUG)
    return {wp_id: mission.state_of(wp_id).lane.value for wp_id in mission.packages}


def lines(patient: Patient) -> list[dict[str, object]]:
    raw = MissionFiles(patient.project, SLUG).log.file.raw()
    return [json.loads(line) for line in raw.splitlines()]


def put_in_folder(patient: Patient, name: str, folder: str) -> Path:
    tasks = patient.mission / "tasks"
    (tasks / folder).mkdir(exist_ok=True)
    return (tasks / name).rename(tasks / folder / name)


def repaired(patient: Patient) -> list[str]:
    done = Doctor(patient.project).repair(actor="alice", cause=CAUSE)
    assert not [finding for finding in done.findings if finding.check == "former-status"]
    return [it.check for it in done.repaired if it.check != "lanes"]


def test_a_status_in_front_matter_without_a_log_is_recorded_as_events(patient: Patient) -> None:
    patient.write_prompt("WP01-index", lane='"for_review"')
    patient.write_prompt("WP02-query", lane="doing")
    assert patient.places("former-status") == [("tasks", None)]

    assert "former-status" in repaired(patient)

    assert lanes(patient) == {"WP01": "for_review", "WP02": "in_progress"}
    first = lines(patient)[0]
    assert (first["actor"], first["policy_metadata"], first["force"]) == ("alice", None, True)
    assert "the front matter says for_review" in str(first["reason"])
    assert first["correlation_id"] == "corr-1"
    assert set(CAUSE.effects.event_ids) >= {str(line["event_id"]) for line in lines(patient)}
    assert repaired(patient) == []


def test_prompts_in_status_lane_folders_are_moved_up_and_recorded(
    patient: Patient,
) -> None:
    text = (patient.mission / "tasks" / "WP01-index.md").read_bytes()
    put_in_folder(patient, "WP01-index.md", "done")
    put_in_folder(patient, "WP02-query.md", "planned")
    (patient.mission / "tasks" / "planned" / "notes.txt").write_text("mine")
    assert patient.places("former-status") == [("tasks", None)]

    assert "former-status" in repaired(patient)

    assert lanes(patient) == {"WP01": "done", "WP02": "planned"}
    assert (patient.mission / "tasks" / "WP01-index.md").read_bytes() == text
    assert not (patient.mission / "tasks" / "done").exists()
    assert (patient.mission / "tasks" / "planned" / "notes.txt").read_text() == "mine"
    assert repaired(patient) == []


def test_moving_a_prompt_up_does_not_overwrite_a_new_file(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = patient.mission / "tasks"
    moved = put_in_folder(patient, "WP01-index.md", "done")
    append = RecordedLog.append

    def append_and_be_overtaken(log: RecordedLog, events: Sequence[Event]) -> None:
        append(log, events)
        (tasks / "WP01-index.md").write_text("another's")

    monkeypatch.setattr(RecordedLog, "append", append_and_be_overtaken)
    done = Doctor(patient.project).repair()
    assert "former-status" not in [it.check for it in done.repaired]
    assert (tasks / "WP01-index.md").read_text() == "another's"
    assert moved.exists()


def test_a_repair_killed_between_log_and_folders_is_completed(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_folder(patient, "WP01-index.md", "approved")
    put_in_folder(patient, "WP02-query.md", "done")
    left = [1]

    def killed(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop()
        rename_new(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(doctor_former_status, "rename_new", killed)
    with pytest.raises(KeyboardInterrupt):
        Doctor(patient.project).repair(actor="alice")
    monkeypatch.undo()

    assert "former-status" in repaired(patient)
    assert lanes(patient) == {"WP01": "approved", "WP02": "done"}
    assert len(lines(patient)) == 2


def test_the_log_takes_precedence_over_front_matter(patient: Patient) -> None:
    patient.write_prompt("WP01-index", lane="done")
    patient.write_log(move("WP01"))
    assert patient.places("former-status") == []
    assert lanes(patient)["WP01"] == "claimed"


def test_an_unknown_or_contradictory_status_is_reported_and_nothing_changes(
    patient: Patient,
) -> None:
    patient.write_prompt("WP01-index", lane="limbo")
    patient.write_prompt("WP02-query", lane="done")
    assert patient.places("former-status") == [("WP01-index.md", None)]
    Doctor(patient.project).repair()
    assert lines(patient) == []

    patient.write_prompt("WP01-index", lane="done")
    put_in_folder(patient, "WP01-index.md", "approved")
    assert patient.places("former-status") == [("WP01-index.md", None)]
    Doctor(patient.project).repair()
    assert lines(patient) == []


def test_a_second_prompt_of_a_package_is_never_overwritten(patient: Patient) -> None:
    (patient.mission / "tasks" / "done").mkdir()
    patient.write("tasks/done/WP01-index.md", "---\ntitle: Old\n---\n")
    assert patient.places("former-status") == [("WP01-index.md", None)]
    Doctor(patient.project).repair()
    assert (patient.mission / "tasks" / "done" / "WP01-index.md").exists()
    assert lines(patient) == []


@pytest.mark.parametrize("part", ["tasks", "tasks/done", "tasks/done/WP01-index.md"])
def test_the_repair_does_not_follow_symlinks(patient: Patient, tmp_path: Path, part: str) -> None:
    put_in_folder(patient, "WP01-index.md", "done")
    outside = tmp_path / "outside"
    (patient.mission / part).rename(outside)
    (patient.mission / part).symlink_to(outside)
    assert patient.found("former-status") == []
    before = sorted(str(path) for path in tmp_path.rglob("*") if ".kitty" not in path.parts)
    Doctor(patient.project).repair()
    after = sorted(str(path) for path in tmp_path.rglob("*") if ".kitty" not in path.parts)
    assert [path for path in after if "outside" in path] == [p for p in before if "outside" in p]
    assert lines(patient) == []


def test_moved_prompts_are_synced_before_their_folder_is_removed(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_folder(patient, "WP01-index.md", "done")
    seen: list[str] = []
    really_sync, really_remove = os.fsync, os.rmdir

    def sync(descriptor: int) -> None:
        seen.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        really_sync(descriptor)

    def remove(name: str, *, dir_fd: int) -> None:
        seen.append(f"remove {name}")
        really_remove(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rmdir", remove)
    Doctor(patient.project).repair()
    at = seen.index("remove done")
    assert seen[at - 2 : at] == ["sync tasks", "sync done"]


def test_the_repair_holds_the_mission_lock(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient.write_prompt("WP01-index", lane="done")
    held: list[str] = []
    really = locks.held

    def watch(path: Path) -> AbstractContextManager[int]:
        held.append(path.name)
        return really(path)

    monkeypatch.setattr(locks, "held", watch)
    Doctor(patient.project).repair()
    assert f"mission-{SLUG}" in held
