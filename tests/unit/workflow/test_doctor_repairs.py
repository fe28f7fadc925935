from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from specify_cli.errors import StateUnreadable
from specify_cli.storage import records
from specify_cli.storage.record import Record
from specify_cli.workflow import host_files
from specify_cli.workflow.doctor import Doctor
from specify_cli.workflow.mission_changes import changing_mission
from tests.unit.workflow.patient import LONG_AGO, SLUG, Patient, git, move


def kept(patient: Patient, name: str) -> bytes:
    """The content of the only original with that name in the attic."""
    (path,) = (path for path in (patient.project.host / "attic").rglob(name) if path.is_file())
    return path.read_bytes()


def repaired(patient: Patient) -> list[str]:
    done = Doctor(patient.project).repair()
    assert not any(finding.is_fixable for finding in done.findings)
    return [finding.check for finding in done.repaired]


def test_a_torn_log_is_truncated_and_its_tail_kept(patient: Patient) -> None:
    log = patient.write_log(move())
    whole = log.read_bytes()
    patient.write("status.events.jsonl", whole + b'{"event_id": "01K')
    patient.write("lanes.json", "{}")
    assert "torn-tail" in repaired(patient)
    assert log.read_bytes() == whole
    (tail,) = (patient.project.host / "torn").iterdir()
    assert tail.read_bytes() == b'{"event_id": "01K'


def test_a_missing_final_newline_is_added_to_the_log(patient: Patient) -> None:
    line = json.dumps({"event_type": "theirs"}).encode()
    log = patient.write("status.events.jsonl", line)
    assert repaired(patient) == ["no-newline"]
    assert log.read_bytes() == line + b"\n"


def recorded(patient: Patient) -> tuple[Path, bytes]:
    """A log whose two lines are in the record, and its bytes."""
    first = move(correlation_id="one")
    log = patient.write_log(first, move(event_id="E2", from_lane="claimed", to="in_progress"))
    with changing_mission(patient.project, SLUG) as mission:
        host_files.write_lanes(mission)
    return log, log.read_bytes()


def test_lines_missing_from_the_log_are_restored(patient: Patient) -> None:
    log, whole = recorded(patient)
    log.write_bytes(whole.splitlines(keepends=True)[0])
    assert patient.places("log-behind") == [("status.events.jsonl", None)]
    assert repaired(patient) == ["log-behind"]
    assert log.read_bytes() == whole


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE package SET state = '{}'",
        "UPDATE package SET state = x'7b'",
        "UPDATE folded SET events = 9",
        "UPDATE folded SET accepted_at = x'30'",
        "DELETE FROM package",
        "DELETE FROM folded",
        "UPDATE cause SET name = name + 1",
        "UPDATE cause SET position = 1 + (position = 1)",
        "INSERT INTO cause SELECT mission, name, place + 100, position FROM cause",
        "INSERT INTO package SELECT mission, x'4142', state FROM package",
    ],
)
def test_damaged_package_states_are_rebuilt_from_the_events(patient: Patient, damage: str) -> None:
    recorded(patient)
    record = records.made(patient.project)
    sound = tables(record)
    with record.writing() as connection:
        connection.execute(damage)
    assert tables(record) != sound
    assert patient.places("states") == [("record.db", None)]
    assert repaired(patient) == ["states"]
    assert tables(record) == sound


def tables(record: Record) -> list[object]:
    """The rows of the record that hold folded states."""
    with record.reading() as connection:
        return [
            connection.execute(f"SELECT {what}").fetchall()
            for what in ("* FROM package", "lines, events, accepted_at FROM folded", "* FROM cause")
        ]


def test_a_log_is_not_repaired_during_a_git_merge(patient: Patient) -> None:
    log, _ = recorded(patient)
    log.unlink()
    merge = patient.project.root / ".git" / "MERGE_HEAD"
    merge.write_text("0" * 40)
    assert patient.places("log-behind") == [("status.events.jsonl", None)]
    assert repaired(patient) == []
    assert not log.exists()
    merge.unlink()
    assert repaired(patient) == ["log-behind"]


@pytest.mark.parametrize(("old", "new"), [(b"alice", b"mallory"), (b'{"event_id', b"event_id")])
def test_a_changed_log_line_is_restored_and_the_edited_log_kept(
    patient: Patient, old: bytes, new: bytes
) -> None:
    log, whole = recorded(patient)
    edited = whole.replace(old, new, 1)
    log.write_bytes(edited)
    assert patient.places("changed-log-line") == [("status.events.jsonl", 1)]
    with pytest.raises(StateUnreadable), changing_mission(patient.project, SLUG):
        pass
    assert repaired(patient) == ["changed-log-line"]
    assert log.read_bytes() == whole
    (kept,) = (patient.project.host / "torn").iterdir()
    assert kept.read_bytes() == edited


def test_a_byte_order_mark_is_removed_and_the_original_kept(patient: Patient) -> None:
    path = patient.mission / "tasks" / "WP01-index.md"
    text = path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text)
    path.chmod(0o640)
    assert Doctor(patient.project).diagnose().problems == 0
    assert repaired(patient) == ["byte-order-mark"]
    assert path.read_bytes() == text
    assert path.stat().st_mode & 0o777 == 0o640
    assert kept(patient, path.name) == b"\xef\xbb\xbf" + text


def test_a_missing_lane_plan_is_written_once_work_has_begun(patient: Patient) -> None:
    assert patient.places("lanes") == []
    patient.write_log(move())
    assert [finding.is_fixable for finding in patient.found("lanes")] == [True]
    assert repaired(patient) == ["lanes"]
    planned = json.loads((patient.mission / "lanes.json").read_text())
    assert [lane["wp_ids"] for lane in planned["lanes"]] == [["WP01"], ["WP02"]]


def test_an_outdated_lane_plan_is_updated_and_the_original_kept(patient: Patient) -> None:
    patient.write_log(move())
    repaired(patient)
    before = (patient.mission / "lanes.json").read_bytes()
    patient.write_prompt("WP03")
    assert [finding.severity for finding in patient.found("lanes")] == ["note"]
    assert repaired(patient) == ["lanes"]
    assert kept(patient, "lanes.json") == before


def test_a_damaged_lane_plan_is_not_repaired(patient: Patient) -> None:
    path = patient.write("lanes.json", '{"lanes": ')
    assert repaired(patient) == []
    assert path.read_bytes() == b'{"lanes": '


def test_a_stale_draft_of_a_killed_process_is_moved_to_the_attic(patient: Patient) -> None:
    name = f".meta.json.{'0' * 16}.tmp"
    draft = patient.write(name, "half")
    assert patient.places("stale-draft") == []
    os.utime(draft, (LONG_AGO, LONG_AGO))
    assert repaired(patient) == ["stale-draft"]
    assert not draft.exists()
    assert kept(patient, name) == b"half"


def test_symlinks_are_neither_repaired_nor_moved_away(patient: Patient, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"\xef\xbb\xbfwords")
    os.utime(victim, (LONG_AGO, LONG_AGO))
    (patient.mission / "spec.md").symlink_to(victim)
    (patient.mission / f".meta.json.{'0' * 16}.tmp").symlink_to(victim)
    assert patient.places("byte-order-mark") == []
    assert patient.places("stale-draft") == []


def test_the_git_entry_of_a_missing_worktree_is_pruned_and_its_branch_kept(
    patient: Patient,
) -> None:
    branch = f"kitty/mission-{SLUG}-lane-a"
    place = patient.worktree("lane-a", branch)
    elsewhere = patient.project.root.parent / "of-a-person"
    git(patient.project.root, "worktree", "add", "-q", "-b", "own", str(elsewhere))
    for folder in (place, elsewhere):
        folder.rename(folder.with_name(f"moved-{folder.name}"))
    assert repaired(patient) == ["gone-worktree"]
    known = git(patient.project.root, "worktree", "list")
    assert str(elsewhere) in known
    assert str(place) not in known
    assert git(patient.project.root, "rev-parse", branch)


def test_the_host_folder_is_made_private(patient: Patient) -> None:
    patient.project.host.chmod(0o755)
    assert repaired(patient) == ["kitty-permissions"]
    assert patient.project.host.stat().st_mode & 0o777 == 0o700


def test_an_inbox_that_the_host_cannot_write_to_is_reported(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    inbox = patient.project.inbox / "nightly"
    inbox.mkdir(parents=True)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (patient.project.inbox / "linked").symlink_to(elsewhere)
    really = os.access
    refused = (inbox, patient.project.inbox / "linked")
    # Root may write everywhere, so the refusal is simulated.
    monkeypatch.setattr(
        os,
        "access",
        lambda path, *more, **named: path not in refused and really(path, *more, **named),
    )
    findings = Doctor(patient.project).diagnose().findings
    assert [it for it in findings if it.file == refused[1]] == []
    assert [(it.check, it.repair) for it in findings if it.file == inbox] == [
        ("kitty-permissions", f"run: chmod u+rwx {inbox}")
    ]


def test_the_host_folder_of_a_shared_repository_is_shared_with_the_group(patient: Patient) -> None:
    git(patient.project.root, "config", "core.sharedRepository", "group")
    patient.project.host.chmod(0o2770)
    assert repaired(patient) == []
    patient.project.host.chmod(0o777)
    assert repaired(patient) == ["kitty-permissions"]
    assert patient.project.host.stat().st_mode & 0o7777 == 0o2770


def test_a_fault_that_cannot_be_repaired_is_still_reported(patient: Patient) -> None:
    patient.write_prompt("WP01-index", dependencies="[WP02]")
    done = Doctor(patient.project).repair()
    assert done.repaired == ()
    assert [finding.check for finding in done.findings] == ["cycle"]
