from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.workflow.doctor import Doctor
from specify_cli.workflow.doctor_findings import Finding

SLUG = "001-search"
LONG_AGO = 1_700_000_000


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout.strip()


def move(wp_id: str = "WP01", to: str = "claimed", **changes: Any) -> dict[str, Any]:
    return {
        "event_id": "01K8QZ4W3M4Y6T1F8B2Q5R7X01",
        "at": "2026-05-01T10:00:00+00:00",
        "actor": "alice",
        "wp_id": wp_id,
        "from_lane": "planned",
        "to_lane": to,
        **changes,
    }


class Patient:
    """A sound project with one mission of two packages, to be made ill."""

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        self.mission = root / "kitty-specs" / SLUG
        git(root, "init", "-q", "-b", "main")
        MailboxLayout(root).ensure()
        (self.mission / "tasks").mkdir(parents=True)
        self.write("tasks.md", "# Work packages\n")
        self.write_meta()
        self.write_prompt("WP01-index", owned_files='["src/index/**"]')
        self.write_prompt("WP02-query", dependencies="[WP01]", owned_files='["src/query/**"]')
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "sound")

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.mission / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def write_meta(self, **changes: Any) -> None:
        meta = {"mission_slug": SLUG, "mission_number": 1, "target_branch": "main"}
        self.write("meta.json", json.dumps(meta | changes, indent=1))

    def write_prompt(self, stem: str, **fields: str) -> Path:
        header = {"work_package_id": stem[:4], "title": stem[5:] or stem, **fields}
        lines = "".join(f"{name}: {value}\n" for name, value in header.items())
        return self.write(f"tasks/{stem}.md", f"---\n{lines}---\n")

    def write_log(self, *lines: dict[str, Any] | str) -> Path:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        return self.write("status.events.jsonl", "".join(f"{text}\n" for text in texts))

    def worktree(self, lane: str, branch: str) -> Path:
        path = self.project.worktrees / f"{SLUG}-{lane}"
        git(self.project.root, "worktree", "add", "-q", "-b", branch, str(path))
        return path

    def link_inbox_elsewhere(self) -> None:
        inbox = self.project.kitty / "inbox"
        inbox.rmdir()
        inbox.symlink_to("/")

    def found(self, check: str) -> list[Finding]:
        findings = Doctor(self.project).diagnose().findings
        return [finding for finding in findings if finding.check == check]

    def places(self, check: str) -> list[tuple[str, int | None]]:
        return [(finding.file.name, finding.line) for finding in self.found(check)]


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    root = tmp_path / "project"
    root.mkdir()
    return Patient(root)


Illness = Callable[[Patient], object]

ILLNESSES: dict[str, tuple[Illness, str, list[tuple[str, int | None]]]] = {
    "damaged meta": (
        lambda p: p.write("meta.json", '{\n "mission_slug": "x",\n}'),
        "meta",
        [("meta.json", 3)],
    ),
    "meta of a wrong kind": (lambda p: p.write_meta(title=[1]), "meta", [("meta.json", 1)]),
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
            ("WP03.md", 3),
            ("WP04.md", 1),
            ("WP05.md", 1),
            ("WP06.md", 2),
            ("WP06.md", 3),
            ("WP06.md", 4),
            ("WP07.md", 2),
        ],
    ),
    "an id that is none": (
        lambda p: p.write_prompt("WP03", work_package_id="three"),
        "front-matter",
        [("WP03.md", 2)],
    ),
    "id and name disagree": (
        lambda p: p.write_prompt("WP03", work_package_id="WP04"),
        "id-and-name",
        [("WP03.md", 2)],
    ),
    "a name that is overlooked": (
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
    "patterns that lead out": (
        lambda p: p.write_prompt("WP03", owned_files='["/etc/**", "../x", "src/a..b"]'),
        "owned-files",
        [("WP03.md", 4), ("WP03.md", 4)],
    ),
    "damaged log lines, all of them": (
        lambda p: p.write_log(
            "<<<<<<< HEAD", move(), "[]", move(actor=None), {"event_type": "x", "to_lane": "y"}
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
    "a worktree that is not there": (
        lambda p: (
            p.write_log(move()),
            git(p.project.root, "branch", f"kitty/mission-{SLUG}-lane-a"),
        ),
        "no-worktree",
        [(f"{SLUG}-lane-a", None)],
    ),
    "a branch that is not there": (
        lambda p: p.write_log(move()),
        "no-lane-branch",
        [(f"{SLUG}-lane-a", None)],
    ),
    "a worktree on a wrong branch": (
        lambda p: p.worktree("lane-a", "other"),
        "wrong-branch",
        [(f"{SLUG}-lane-a", None)],
    ),
    "work left in a worktree that was handed over": (
        lambda p: (
            p.write_log(move(to="for_review")),
            (p.worktree("lane-a", f"kitty/mission-{SLUG}-lane-a") / "new.txt").write_text("x"),
        ),
        "dirty-worktree",
        [(f"{SLUG}-lane-a", None)],
    ),
    "a folder of the mailbox that is something else": (
        lambda p: p.link_inbox_elsewhere(),
        "kitty-folder",
        [("inbox", None)],
    ),
    "requests that nobody answers": (
        lambda p: (p.project.kitty / "inbox" / "a.json").write_text("{}"),
        "no-worker",
        [("inbox", None)],
    ),
}


@pytest.mark.parametrize("name", sorted(ILLNESSES))
def test_every_fault_is_named_with_its_file_and_line(patient: Patient, name: str) -> None:
    make_ill, check, places = ILLNESSES[name]
    make_ill(patient)
    assert patient.places(check) == places
    assert Doctor(patient.project).diagnose().problems > 0
    assert all(finding.what and finding.repair for finding in patient.found(check))


def test_a_sound_project_has_no_findings_and_is_not_changed(patient: Patient) -> None:
    before = git(patient.project.root, "status", "--porcelain", "--ignored")
    assert Doctor(patient.project).diagnose().findings == ()
    assert git(patient.project.root, "status", "--porcelain", "--ignored") == before


def test_a_mission_without_tasks_is_named(patient: Patient) -> None:
    for prompt in (patient.mission / "tasks").iterdir():
        prompt.unlink()
    assert patient.places("no-tasks") == [("tasks", None)]


def test_packages_at_work_in_two_lanes_that_own_one_file_are_named(patient: Patient) -> None:
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


def test_an_old_lock_of_git_is_named_and_never_removed(patient: Patient) -> None:
    lock = patient.project.root / ".git" / "index.lock"
    lock.touch()
    assert patient.places("stale-lock") == []
    os.utime(lock, (LONG_AGO, LONG_AGO))
    assert patient.places("stale-lock") == [("index.lock", None)]
    Doctor(patient.project).repair()
    assert lock.exists()


def test_a_break_of_the_journal_is_named_with_its_line(patient: Patient) -> None:
    project = patient.project
    journal = Journal(project.journal, lock_path=project.lock("journal"))
    for name in ("a", "b", "c"):
        journal.append({"correlation_id": name, "event_ids": []})
    lines = project.journal.read_text().splitlines(keepends=True)
    project.journal.write_text(lines[0] + lines[2])
    assert ("journal.jsonl", 2) in patient.places("journal")


@pytest.mark.parametrize(("has_repository", "check"), [(False, "no-git"), (True, "no-commit")])
def test_a_project_without_a_repository_or_commit_is_named(
    tmp_path: Path, has_repository: bool, check: str
) -> None:
    (tmp_path / "kitty-specs").mkdir()
    if has_repository:
        git(tmp_path, "init", "-q")
    found = Doctor(Project(tmp_path)).diagnose().findings
    assert [finding.check for finding in found] == [check]


def test_missions_that_share_an_id_are_named(patient: Patient) -> None:
    patient.write_meta(mission_id="01K8QZ4W3M4Y6T1F8B2Q5R7X9N")
    other = patient.mission.with_name("002-other")
    (other / "tasks").mkdir(parents=True)
    (other / "meta.json").write_bytes((patient.mission / "meta.json").read_bytes())
    assert [f.file.parent.name for f in patient.found("duplicate-id")] == ["002-other"]


def test_one_mission_can_be_looked_at_alone(patient: Patient) -> None:
    other = patient.mission.with_name("002-other")
    other.mkdir()
    doctor = Doctor(patient.project)
    assert doctor.diagnose("001-search").findings == ()
    assert doctor.diagnose("002-other").problems > 0


@pytest.mark.parametrize("pieces", [[b"\xff\x00", b"{]"], [b"---\n" * 3], [b"", b"[" * 5000]])
def test_no_bytes_keep_the_doctor_from_looking(patient: Patient, pieces: list[bytes]) -> None:
    names = ("meta.json", "lanes.json", "tasks.md", "status.events.jsonl", "tasks/WP01-index.md")
    for name in names:
        for piece in pieces:
            patient.write(name, piece)
            Doctor(patient.project).diagnose()
            Doctor(patient.project).repair()


# Repairs.


def kept(patient: Patient, name: str) -> bytes:
    """The one original that was kept under that name."""
    (path,) = (path for path in (patient.project.host / "attic").rglob(name) if path.is_file())
    return path.read_bytes()


def repaired(patient: Patient) -> list[str]:
    done = Doctor(patient.project).repair()
    assert not any(finding.is_fixable for finding in done.findings)
    return [finding.check for finding in done.repaired]


def test_a_torn_log_is_mended_and_its_tail_kept(patient: Patient) -> None:
    log = patient.write_log(move())
    whole = log.read_bytes()
    patient.write("status.events.jsonl", whole + b'{"event_id": "01K')
    patient.write("lanes.json", "{}")
    assert "torn-tail" in repaired(patient)
    assert log.read_bytes() == whole
    (tail,) = (patient.project.host / "torn").iterdir()
    assert tail.read_bytes() == b'{"event_id": "01K'


def test_a_log_without_its_last_newline_gets_it(patient: Patient) -> None:
    line = json.dumps({"event_type": "theirs"}).encode()
    log = patient.write("status.events.jsonl", line)
    assert repaired(patient) == ["no-newline"]
    assert log.read_bytes() == line + b"\n"


def test_a_byte_order_mark_is_taken_away_and_the_original_kept(patient: Patient) -> None:
    path = patient.mission / "tasks" / "WP01-index.md"
    text = path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text)
    path.chmod(0o640)
    assert Doctor(patient.project).diagnose().problems == 0
    assert repaired(patient) == ["byte-order-mark"]
    assert path.read_bytes() == text
    assert path.stat().st_mode & 0o777 == 0o640
    assert kept(patient, path.name) == b"\xef\xbb\xbf" + text


def test_a_missing_plan_of_lanes_is_made_once_work_has_begun(patient: Patient) -> None:
    assert patient.places("lanes") == []
    patient.write_log(move())
    assert [finding.is_fixable for finding in patient.found("lanes")] == [True]
    assert repaired(patient) == ["lanes"]
    planned = json.loads((patient.mission / "lanes.json").read_text())
    assert [lane["wp_ids"] for lane in planned["lanes"]] == [["WP01"], ["WP02"]]


def test_an_old_plan_of_lanes_is_renewed_and_kept(patient: Patient) -> None:
    patient.write_log(move())
    repaired(patient)
    before = (patient.mission / "lanes.json").read_bytes()
    patient.write_prompt("WP03")
    assert [finding.severity for finding in patient.found("lanes")] == ["note"]
    assert repaired(patient) == ["lanes"]
    assert kept(patient, "lanes.json") == before


def test_a_damaged_plan_of_lanes_is_left_to_people(patient: Patient) -> None:
    path = patient.write("lanes.json", '{"lanes": ')
    assert repaired(patient) == []
    assert path.read_bytes() == b'{"lanes": '


def test_what_a_killed_process_did_not_finish_is_put_away(patient: Patient) -> None:
    name = f".meta.json.{'0' * 16}.tmp"
    draft = patient.write(name, "half")
    assert patient.places("stale-draft") == []
    os.utime(draft, (LONG_AGO, LONG_AGO))
    assert repaired(patient) == ["stale-draft"]
    assert not draft.exists()
    assert kept(patient, name) == b"half"


def test_a_link_is_neither_repaired_nor_put_away(patient: Patient, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"\xef\xbb\xbfwords")
    os.utime(victim, (LONG_AGO, LONG_AGO))
    (patient.mission / "spec.md").symlink_to(victim)
    (patient.mission / f".meta.json.{'0' * 16}.tmp").symlink_to(victim)
    assert patient.places("byte-order-mark") == []
    assert patient.places("stale-draft") == []


def test_git_forgets_a_lane_worktree_that_is_gone_and_keeps_its_branch(patient: Patient) -> None:
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


def test_the_hosts_own_folder_is_made_private(patient: Patient) -> None:
    patient.project.host.chmod(0o755)
    assert repaired(patient) == ["kitty-permissions"]
    assert patient.project.host.stat().st_mode & 0o777 == 0o700


def test_a_fault_that_is_not_repaired_stays_found(patient: Patient) -> None:
    patient.write_prompt("WP01-index", dependencies="[WP02]")
    done = Doctor(patient.project).repair()
    assert done.repaired == ()
    assert [finding.check for finding in done.findings] == ["cycle"]
