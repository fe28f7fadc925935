"""Backup and restore hold the locks that exclude other processes, and are durable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from specify_cli.errors import StorageFailed, UsageError
from specify_cli.files.locks import LifeLock
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage import backup_file
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.workflow.backups import Backups
from specify_cli.workflow.restore_files import folder_of_replaced
from specify_cli.workflow.restoring import Restoring
from tests.durability import SYNC_ALL, watched
from tests.unit.storage.test_record_retention import change


@pytest.fixture
def project(tmp_path: Path) -> Project:
    layout = MailboxLayout(tmp_path / os.fsdecode(b"a name that is not UTF-8: \xff"))
    layout.root.mkdir()
    layout.ensure()
    Journal(layout).append(change("c1"))
    return Project(layout.root)


@pytest.fixture
def file(project: Project) -> Path:
    return project.root.with_name("a.backup")


def restoring(project: Project) -> Restoring:
    layout = MailboxLayout(project.root)
    return Restoring(project=layout, prepare=layout.ensure)


def test_a_backup_is_durable_when_it_is_complete(project: Project, file: Path) -> None:
    with watched() as disk:
        Backups(project).write(file)
    assert disk.steps.index("lock journal") < disk.steps.index(f"rename {file.name}")
    assert disk.is_kept(file)
    assert disk.is_name_kept(file)


def test_a_draft_does_not_overwrite_an_existing_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.urandom", bytes)
    theirs = file.with_name(f".{file.name}.{bytes(8).hex()}.tmp")
    theirs.write_text("theirs")
    with pytest.raises(FileExistsError), backup_file.draft(file):
        pass
    assert theirs.read_text() == "theirs"


def test_a_restore_is_durable_and_holds_all_locks(project: Project, file: Path) -> None:
    Backups(project).write(file)
    with watched() as disk:
        restoring(project).restore(file)
    assert disk.steps.count(SYNC_ALL) == 2
    assert {"lock record.restore", "lock worker", "lock journal"} <= set(disk.steps)
    assert Journal(MailboxLayout(project.root)).verify() == []


@pytest.mark.parametrize("name", ["worker", "journal"])
def test_restore_is_refused_while_a_lock_is_held(project: Project, file: Path, name: str) -> None:
    Backups(project).write(file)
    held = LifeLock.try_acquire(project.lock(name))
    assert held is not None
    with pytest.raises(StorageFailed, match="is in use"):
        restoring(project).restore(file)
    held.release()
    restoring(project).restore(file)


def test_restore_does_not_move_replaced_files_through_a_symlink(
    project: Project, file: Path
) -> None:
    Backups(project).write(file)
    elsewhere = file.with_name("elsewhere")
    elsewhere.mkdir()
    folder_of_replaced(project.record).symlink_to(elsewhere)
    with pytest.raises(StorageFailed, match="is not a regular folder"):
        restoring(project).restore(file)
    assert [*elsewhere.iterdir()] == []


def test_a_second_concurrent_restore_is_refused(
    project: Project, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Backups(project).write(file)
    monkeypatch.setattr("specify_cli.workflow.restoring._WAIT_S", 0.0)
    held = LifeLock.try_acquire(project.record.with_name("record.restore"))
    assert held is not None
    with pytest.raises(StorageFailed, match="take the lock"):
        restoring(project).restore(file)
    held.release()


def test_a_backup_inside_the_project_is_refused(project: Project) -> None:
    (project.root / "link").symlink_to(project.outbox)
    for path in (project.outbox / "a", project.root / "link" / "a", Path("/proc/no/a")):
        with pytest.raises(UsageError):
            Backups(project).write(path)
