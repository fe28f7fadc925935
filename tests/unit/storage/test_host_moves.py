"""Tests of records that follow their project: into a new repository, and when its folder is renamed."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.files.locks import LifeLock
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage import host_moves, record_schema, records
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.storage.record_database import DATABASE
from specify_cli.storage.record_entries import KnownMission
from specify_cli.workflow.doctor_host import examine_host
from tests.durability import watched
from tests.file_systems import on_another_file_system
from tests.unit.storage.conftest import git

MISSION_ID = "01J00000000000000000000000"


def project_in(root: Path, *mission_ids: str) -> MailboxLayout:
    """A project with missions of these ids, which are in its record."""
    layout = with_missions(root, *mission_ids)
    layout.ensure()
    record = records.made(layout)
    for number, mission_id in enumerate(mission_ids):
        record.keep_mission(KnownMission(mission_id=mission_id, folder=f"00{number}-a"))
    (layout.dead_letters / "kept.json").write_bytes(b"{}")
    return layout


def with_missions(root: Path, *mission_ids: str) -> MailboxLayout:
    for number, mission_id in enumerate(mission_ids):
        folder = root / "kitty-specs" / f"00{number}-a"
        folder.mkdir(parents=True)
        (folder / "meta.json").write_text(f'{{"mission_id": "{mission_id}"}}')
    return MailboxLayout(root)


def known(layout: MailboxLayout) -> list[str]:
    """The folders of the missions that are in the project's record."""
    record = records.found(layout)
    return [it.folder for it in record.missions(None, folder="000-a")] if record else []


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path.resolve() / "main"
    made.mkdir()
    return made


@pytest.fixture(params=["here", "on another file system"])
def repository(request: pytest.FixtureRequest, root: Path) -> Iterator[tuple[str, ...]]:
    """Arguments of git that create a repository, with the git folder here or on another file system."""
    if request.param == "here":
        yield ("init", "-q")
    else:
        with on_another_file_system(root.parent) as folder:
            yield ("init", "-q", "--separate-git-dir", str(folder), ".")


def test_the_record_moves_into_a_new_repository(root: Path, repository: tuple[str, ...]) -> None:
    layout = project_in(root, MISSION_ID)
    before = root / ".kitty" / "record"
    assert layout.record == before
    git(root, *repository)
    assert layout.record == before  # It is not moved yet.
    assert known(layout) == ["000-a"]
    records.made(layout)
    assert layout.record.parent.name == "spec-kitty"
    assert not before.exists()
    assert known(layout) == ["000-a"]
    assert (layout.dead_letters / "kept.json").read_bytes() == b"{}"
    layout.ensure()
    assert {it.stat().st_mode & 0o777 for it in (layout.record, layout.host, layout.locks)} == {
        0o700
    }


def test_a_lock_stays_held_when_the_record_moves_into_a_new_repository(root: Path) -> None:
    layout = project_in(root, MISSION_ID)
    lock = LifeLock.try_acquire(layout.worker_lock)
    assert lock is not None
    git(root, "init", "-q")
    layout.ensure()
    assert layout.worker_lock.is_relative_to(root / ".git")
    assert LifeLock.try_acquire(layout.worker_lock) is None
    lock.release()
    again = LifeLock.try_acquire(layout.worker_lock)
    assert again is not None
    again.release()


def test_the_record_is_not_copied_to_another_file_system_while_a_lock_is_held(
    root: Path, repository: tuple[str, ...]
) -> None:
    layout = project_in(root, MISSION_ID)
    lock = LifeLock.try_acquire(layout.worker_lock)
    assert lock is not None
    git(root, *repository)
    if (root / ".git").is_dir():
        layout.ensure()
    else:
        with pytest.raises(StorageFailed, match="stop that worker"):
            layout.ensure()
        assert known(layout) == ["000-a"]
    lock.release()
    layout.ensure()
    assert known(layout) == ["000-a"]


def test_a_killed_move_into_a_new_repository_is_completed_by_the_next_call(
    root: Path, repository: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = project_in(root, MISSION_ID)
    git(root, *repository)
    with monkeypatch.context() as patch:
        patch.setattr(record_schema, "copy", _killed)
        patch.setattr(host_moves, "_rename", _killed)
        with pytest.raises(KeyboardInterrupt):
            layout.ensure()
    assert known(layout) == ["000-a"]
    layout.ensure()
    assert known(layout) == ["000-a"]
    assert (layout.dead_letters / "kept.json").exists()


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_the_record_follows_a_moved_project(root: Path) -> None:
    git(root, "init", "-q")
    before = project_in(root / "proj", MISSION_ID)
    place = before.record
    (root / "proj").rename(root / "proj2")
    moved = MailboxLayout(root / "proj2")
    assert known(moved) == ["000-a"]
    assert moved.record == place  # A read moves nothing.
    with watched() as disk:
        records.made(moved)
    assert known(moved) == ["000-a"]
    assert moved.record != place
    assert not place.exists()
    assert (moved.dead_letters / "kept.json").exists()
    assert disk.is_name_kept(moved.record)
    # The second move is to the top of the repository.
    for name in ("kitty-specs", ".kitty"):
        (root / "proj2" / name).rename(root / name)
    top = MailboxLayout(root)
    records.made(top)
    assert known(top) == ["000-a"]
    assert not moved.record.exists()


def test_a_moved_project_without_missions_is_recognized_by_its_journal(root: Path) -> None:
    git(root, "init", "-q")
    before = with_missions(root / "proj", MISSION_ID)
    before.ensure()
    for number in range(2):
        Journal(before).append(
            {"correlation_id": str(number), "door": "cli", "identity": "uid:0", "envelope": {}}
        )
    (root / "proj").rename(root / "proj2")
    moved = MailboxLayout(root / "proj2")
    with moved.journal.open("ab") as journal:
        journal.write(b"half a line")
    assert Journal(moved).find("1") is not None
    assert moved.record == before.record
    records.made(moved)
    assert not before.record.exists()
    other = with_missions(root / "other", "01J00000000000000000000009")
    assert records.found(other) is None


def test_a_copied_project_has_a_record_of_its_own(root: Path) -> None:
    git(root, "init", "-q")
    first = project_in(root / "proj", MISSION_ID)
    shutil.copytree(root / "proj", root / "copy", symlinks=True)
    copy = MailboxLayout(root / "copy")
    assert known(copy) == []
    records.made(copy)
    assert copy.record != first.record
    assert known(first) == ["000-a"]
    assert known(copy) == []


def test_two_projects_in_one_repository_keep_separate_records(root: Path) -> None:
    git(root, "init", "-q")
    one, two = (project_in(root / name, f"01J0000000000000000000000{name}") for name in ("1", "2"))
    (root / "1").rename(root / "3")
    three = with_missions(root / "4", "01J00000000000000000000004")
    records.made(three)
    assert known(three) == []
    assert known(two) == ["000-a"]
    assert known(MailboxLayout(root / "3")) == ["000-a"]
    assert one.record.exists()


def test_the_record_does_not_follow_a_moved_project_while_a_worker_runs(root: Path) -> None:
    git(root, "init", "-q")
    before = project_in(root / "proj", MISSION_ID)
    with before.worker_lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        (root / "proj").rename(root / "proj2")
        moved = MailboxLayout(root / "proj2")
        with pytest.raises(StorageFailed, match="stop that worker"):
            records.made(moved)
        assert known(moved) == ["000-a"]
    records.made(moved)
    assert known(moved) == ["000-a"]


def test_several_matching_records_are_refused_with_commands_to_choose_one(root: Path) -> None:
    git(root, "init", "-q")
    places = [project_in(root / name, MISSION_ID).record for name in ("one", "two")]
    (root / "one").rename(root / "three")
    shutil.rmtree(root / "two")
    moved = MailboxLayout(root / "three")
    assert known(moved) == []
    with pytest.raises(StorageFailed) as refused:
        records.made(moved)
    commands = [it for it in str(refused.value).split("'") if it.startswith(("mv ", "mkdir "))]
    assert len(commands) == 3
    assert any(str(places[1]) in it for it in commands)
    subprocess.run(commands[0], shell=True, check=True)
    records.made(moved)
    assert known(moved) == ["000-a"]
    assert (moved.record / DATABASE).is_file()


def test_a_record_in_a_folder_with_the_wrong_hash_is_ignored(root: Path) -> None:
    git(root, "init", "-q")
    before = project_in(root / "proj", MISSION_ID)
    before.record.rename(before.record.with_name("0123456789abcdef"))
    (root / "proj").rename(root / "proj2")
    assert known(MailboxLayout(root / "proj2")) == []


def test_doctor_prints_the_commands_to_choose_one_of_several_records(root: Path) -> None:
    git(root, "init", "-q")
    for name in ("one", "two"):
        project_in(root / name, MISSION_ID)
    for name in ("one", "two"):
        shutil.rmtree(root / name)
    moved = Project(with_missions(root / "three", MISSION_ID).root)
    [finding] = [it for it in examine_host(moved) if it.check == "record"]
    assert finding.repair is not None
    assert finding.repair.count("'mv ") == 2
    assert str(moved.record) in finding.repair
