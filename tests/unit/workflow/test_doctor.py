from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.workflow.doctor import Doctor
from tests.unit.workflow.patient import LONG_AGO, SLUG, Patient, git, move

pytestmark = pytest.mark.long

Damage = Callable[[Patient], object]


def in_place_of(name: str, make: Callable[[Path], object]) -> Damage:
    """Replace the file by what `make` creates."""

    def damage(patient: Patient) -> None:
        path = patient.mission / name
        path.unlink(missing_ok=True)
        make(path)

    return damage


FAULTS: dict[str, tuple[Damage, str, list[tuple[str, int | None]]]] = {
    "damaged meta": (
        lambda p: p.write("meta.json", '{\n "mission_slug": "x",\n}'),
        "meta",
        [("meta.json", 3)],
    ),
    "meta with a wrong type": (lambda p: p.write_meta(title=[1]), "meta", [("meta.json", 1)]),
    "no meta": (lambda p: (p.mission / "meta.json").unlink(), "meta", [("meta.json", None)]),
    "meta and folder disagree": (
        lambda p: p.write_meta(mission_slug="002-other", mission_number=2),
        "meta-and-folder",
        [("meta.json", 2), ("meta.json", 3)],
    ),
    "target branch missing": (
        lambda p: p.write_meta(target_branch="nowhere"),
        "target-branch",
        [("meta.json", None)],
    ),
    "front matter faults, all of them": (
        lambda p: (
            p.write("tasks/WP03.md", "---\ntitle: [\n---\n"),
            p.write("tasks/WP04.md", "---\ntitle: x\n"),
            p.write("tasks/WP05.md", b"---\n\xff\n---\n"),
            p.write("tasks/WP06.md", "---\ntitle: {a: b}\nsubtasks: [[1]]\ndependencies: 3\n---\n"),
            p.write("tasks/WP07.md", "---\ntitle: a\ntitle: b\n---\n"),
        ),
        "front-matter",
        [
            ("WP03.md", 2),
            ("WP04.md", 1),
            ("WP05.md", 1),
            ("WP06.md", 2),
            ("WP06.md", 3),
            ("WP06.md", 4),
            ("WP07.md", 2),
        ],
    ),
    "a prompt that is a FIFO": (
        in_place_of("tasks/WP03.md", os.mkfifo),
        "front-matter",
        [("WP03.md", 1)],
    ),
    "a prompt that is a folder": (
        in_place_of("tasks/WP03.md", Path.mkdir),
        "front-matter",
        [("WP03.md", 1)],
    ),
    "a prompt that is a dangling symlink": (
        in_place_of("tasks/WP03.md", lambda path: path.symlink_to("/nowhere")),
        "front-matter",
        [("WP03.md", 1)],
    ),
    "tasks.md is a FIFO": (
        in_place_of("tasks.md", os.mkfifo),
        "unreadable-file",
        [("tasks.md", None)],
    ),
    "tasks.md is a link": (
        in_place_of("tasks.md", lambda path: path.symlink_to("spec.md")),
        "unreadable-file",
        [("tasks.md", None)],
    ),
    "tasks.md is not UTF-8": (
        lambda p: p.write("tasks.md", b"\xff"),
        "unreadable-file",
        [("tasks.md", None)],
    ),
    "an invalid id": (
        lambda p: p.write_prompt("WP03", work_package_id="three"),
        "front-matter",
        [("WP03.md", 2)],
    ),
    "id and name disagree": (
        lambda p: p.write_prompt("WP03", work_package_id="WP04"),
        "id-and-name",
        [("WP03.md", 2)],
    ),
    "a file name that is ignored": (
        lambda p: p.write_prompt("package-3", work_package_id="WP03"),
        "ignored-prompt",
        [("package-3.md", None)],
    ),
    "duplicate ids": (
        lambda p: p.write_prompt("WP01-twice"),
        "duplicate-id",
        [("WP01-twice.md", 2)],
    ),
    "unknown dependencies": (
        lambda p: p.write_prompt("WP03", dependencies="[WP08, WP01, WP09]"),
        "unknown-dependency",
        [("WP03.md", 4), ("WP03.md", 4)],
    ),
    "a cycle": (
        lambda p: p.write_prompt("WP01-index", dependencies="[WP02]"),
        "cycle",
        [("WP01-index.md", 4)],
    ),
    "patterns that leave the project": (
        lambda p: p.write_prompt("WP03", owned_files='["/etc/**", "../x", "src/a..b"]'),
        "owned-files",
        [("WP03.md", 4), ("WP03.md", 4)],
    ),
    "damaged log lines, all of them": (
        lambda p: p.write_log(
            "<<<<<<< HEAD",
            move(),
            "[]",
            move() | {"wp_id": None},
            {"event_type": "x", "to_lane": "y"},
        ),
        "damaged-log-line",
        [("status.events.jsonl", 1), ("status.events.jsonl", 3), ("status.events.jsonl", 4)],
    ),
    "unknown lanes": (
        lambda p: p.write_log(move(), move(to="limbo"), move(from_lane="genesis", to="planned")),
        "unknown-lane",
        [("status.events.jsonl", 2)],
    ),
    "a package without a prompt": (
        lambda p: p.write_log(move(), move("WP77"), move("WP77", "blocked"), move("WP78")),
        "package-without-prompt",
        [("status.events.jsonl", 2), ("status.events.jsonl", 4)],
    ),
    "damaged lanes": (
        lambda p: p.write("lanes.json", '{"lanes": 3}'),
        "lanes",
        [("lanes.json", None)],
    ),
    "a missing worktree": (
        lambda p: (
            p.write_log(move()),
            git(p.project.root, "branch", f"kitty/mission-{SLUG}-lane-a"),
        ),
        "no-worktree",
        [(f"{SLUG}-lane-a", None)],
    ),
    "a missing branch": (
        lambda p: p.write_log(move()),
        "no-lane-branch",
        [(f"{SLUG}-lane-a", None)],
    ),
    "a worktree on a wrong branch": (
        lambda p: p.worktree("lane-a", "other"),
        "wrong-branch",
        [(f"{SLUG}-lane-a", None)],
    ),
    "uncommitted work in a submitted worktree": (
        lambda p: (
            p.write_log(move(to="for_review")),
            (p.worktree("lane-a", f"kitty/mission-{SLUG}-lane-a") / "new.txt").write_text("x"),
        ),
        "dirty-worktree",
        [(f"{SLUG}-lane-a", None)],
    ),
    "a mailbox folder that is a symlink": (
        lambda p: p.link_inbox_elsewhere(),
        "kitty-folder",
        [("inbox", None)],
    ),
    "requests without a worker": (
        lambda p: (p.project.kitty / "inbox" / "a.json").write_text("{}"),
        "no-worker",
        [("inbox", None)],
    ),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_fault_is_reported_with_its_file_and_line(patient: Patient, name: str) -> None:
    damage, check, places = FAULTS[name]
    damage(patient)
    assert patient.places(check) == places
    assert Doctor(patient.project).diagnose().problems > 0
    assert all(finding.what and finding.repair for finding in patient.found(check))


def test_a_sound_project_has_no_findings_and_is_not_changed(patient: Patient) -> None:
    before = git(patient.project.root, "status", "--porcelain", "--ignored")
    assert Doctor(patient.project).diagnose().findings == ()
    assert git(patient.project.root, "status", "--porcelain", "--ignored") == before


def test_a_mission_without_prompts_is_reported(patient: Patient) -> None:
    for prompt in (patient.mission / "tasks").iterdir():
        prompt.unlink()
    assert patient.places("no-tasks") == [("tasks", None)]


def test_packages_in_progress_in_two_execution_lanes_that_own_the_same_file_are_reported(
    patient: Patient,
) -> None:
    lanes = [
        {"lane_id": "lane-a", "wp_ids": ["WP01"], "write_scope": ["src/index/**"]},
        {"lane_id": "lane-b", "wp_ids": ["WP02"], "write_scope": ["src/query/**"]},
    ]
    head = {"mission_slug": SLUG, "mission_branch": "m", "target_branch": "main"}
    patient.write("lanes.json", json.dumps(head | {"lanes": lanes}))
    patient.write_prompt("WP02-query", owned_files='["src/index/a.py"]')
    patient.write_log(move("WP01"))
    assert patient.places("overlapping-files") == []
    patient.write_log(move("WP01"), move("WP02"))
    assert patient.places("overlapping-files") == [("WP02-query.md", 4)]


def test_a_stale_git_lock_is_reported_and_never_removed(patient: Patient) -> None:
    lock = patient.project.root / ".git" / "index.lock"
    lock.touch()
    assert patient.places("stale-lock") == []
    os.utime(lock, (LONG_AGO, LONG_AGO))
    assert patient.places("stale-lock") == [("index.lock", None)]
    Doctor(patient.project).repair()
    assert lock.exists()


def test_a_break_in_the_journal_is_reported_with_its_line_and_repaired(patient: Patient) -> None:
    project = patient.project
    project.outbox.mkdir(parents=True, exist_ok=True)
    journal = Journal(project)
    for name in ("a", "b", "c"):
        journal.append({"correlation_id": name, "event_ids": []})
    lines = project.journal.read_text().splitlines(keepends=True)
    project.journal.write_text(lines[0] + lines[2])
    assert ("journal.jsonl", 2) in patient.places("journal")
    Doctor(project).repair()
    assert patient.places("journal") == []
    assert project.journal.with_name("journal-1.jsonl").read_text() == "".join(lines)


@pytest.mark.parametrize(("has_repository", "check"), [(False, "no-git"), (True, "no-commit")])
def test_a_project_without_a_repository_or_commit_is_reported(
    tmp_path: Path, has_repository: bool, check: str
) -> None:
    (tmp_path / "kitty-specs").mkdir()
    if has_repository:
        git(tmp_path, "init", "-q")
    found = Doctor(Project(tmp_path)).diagnose().findings
    assert [finding.check for finding in found] == [check]


def test_missions_with_the_same_id_are_reported(patient: Patient) -> None:
    patient.write_meta(mission_id="01K8QZ4W3M4Y6T1F8B2Q5R7X9N")
    other = patient.mission.with_name("002-other")
    (other / "tasks").mkdir(parents=True)
    (other / "meta.json").write_bytes((patient.mission / "meta.json").read_bytes())
    assert [f.file.parent.name for f in patient.found("duplicate-id")] == ["002-other"]


def test_diagnose_can_be_limited_to_one_mission(patient: Patient) -> None:
    other = patient.mission.with_name("002-other")
    other.mkdir()
    doctor = Doctor(patient.project)
    assert doctor.diagnose("001-search").findings == ()
    assert doctor.diagnose("002-other").problems > 0


@pytest.mark.parametrize("pieces", [[b"\xff\x00", b"{]"], [b"---\n" * 3], [b"", b"[" * 5000]])
def test_arbitrary_bytes_do_not_crash_the_doctor(patient: Patient, pieces: list[bytes]) -> None:
    names = ("meta.json", "lanes.json", "tasks.md", "status.events.jsonl", "tasks/WP01-index.md")
    for name in names:
        for piece in pieces:
            patient.write(name, piece)
            Doctor(patient.project).diagnose()
            Doctor(patient.project).repair()
