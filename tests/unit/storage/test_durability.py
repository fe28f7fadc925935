"""What is acknowledged survives a loss of power: its bytes were synced, and its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from specify_cli.files import atomic, folders
from specify_cli.storage import event_log
from specify_cli.storage.begun import BegunCalls
from specify_cli.storage.dead_letters import LetterFolder
from specify_cli.storage.event_log import EventLog
from specify_cli.storage.journal import Journal
from specify_cli.storage.removal import remove_thing
from tests.durability import watched
from tests.records import CLAIM


def log_in(folder: Path) -> EventLog:
    return EventLog(
        path=folder / "log.jsonl", root=folder, mission_slug="001-search", attic=folder / "attic"
    )


def test_a_published_file_is_synced_before_it_has_its_name(tmp_path: Path) -> None:
    with watched() as disk:
        atomic.publish(tmp_path / "a", b"whole")
    assert disk.is_kept(tmp_path / "a")
    assert disk.is_name_kept(tmp_path / "a")
    assert disk.steps[disk.steps.index("rename a") - 1].startswith("sync .a.")


def test_a_synced_folder_keeps_its_names(tmp_path: Path) -> None:
    with watched() as disk:
        (tmp_path / "a").write_bytes(b"")
        (tmp_path / "a").unlink()
        atomic.fsync_folder(tmp_path)
    assert disk.is_name_kept(tmp_path / "a")


def test_the_first_append_to_a_log_keeps_bytes_and_name(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    with watched() as disk:
        log.append([CLAIM])
    assert disk.is_kept(log.path)
    assert disk.is_name_kept(log.path)


def test_a_later_append_to_a_log_is_kept(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    log.append([CLAIM])
    with watched() as disk:
        log.append([CLAIM])
    assert disk.is_kept(log.path)


def test_what_was_taken_back_does_not_return(tmp_path: Path) -> None:
    log = log_in(tmp_path)
    log.append([CLAIM])
    with watched() as disk:
        log.take_back([CLAIM])
    assert log.path.read_bytes() == b""
    assert disk.is_kept(log.path)


def test_what_comes_while_a_torn_line_is_kept_does_not_move_where_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_in(tmp_path)
    log.append([CLAIM])
    before = log.path.read_bytes()
    log.path.write_bytes(before + before[:-20])
    publish = atomic.publish

    def write_then_publish(*args: Any, **more: Any) -> None:
        with log.path.open("ab") as file:
            file.write(b"and more")
        publish(*args, **more)

    monkeypatch.setattr(event_log, "publish", write_then_publish)
    log.append([CLAIM])
    assert log.path.read_bytes() == before + before


def test_the_first_line_of_a_journal_keeps_bytes_and_name(tmp_path: Path) -> None:
    path = tmp_path / "outbox" / "journal.jsonl"
    with watched() as disk:
        Journal(path, lock_path=tmp_path / "lock").append({"correlation_id": "a"})
    assert disk.is_kept(path)
    assert disk.is_name_kept(path)


def test_a_later_line_of_a_journal_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "outbox" / "journal.jsonl"
    journal = Journal(path, lock_path=tmp_path / "lock")
    journal.append({"correlation_id": "a"})
    with watched() as disk:
        journal.append({"correlation_id": "b"})
    assert disk.is_kept(path)


def test_the_note_of_a_call_is_kept_before_the_call_begins(tmp_path: Path) -> None:
    folder = tmp_path / "begun"
    with watched() as disk, BegunCalls(folder).noted({"correlation_id": "a"}):
        (note,) = folder.iterdir()
        assert disk.is_kept(note)
        assert disk.is_name_kept(note)


def test_a_settled_dead_letter_stays_settled(tmp_path: Path) -> None:
    (tmp_path / "A.json").write_text('{"dead_letter": "A"}')
    letters = LetterFolder(tmp_path)
    with watched() as disk:
        letters.finish(letters.begin(letters.named("A"), {"state": "discarded"}))
    assert disk.is_name_kept(tmp_path / "A.settled")
    assert disk.is_name_kept(tmp_path / "A.json")


def test_a_thing_that_was_removed_does_not_return(tmp_path: Path) -> None:
    (tmp_path / "thing").touch()
    with watched() as disk:
        remove_thing(tmp_path / "thing")
    assert disk.is_name_kept(tmp_path / "thing")


def test_a_line_of_a_journal_is_written_under_its_lock(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", lock_path=tmp_path / "lock")
    with watched() as disk:
        journal.append({"correlation_id": "a"})
    assert disk.is_locked("sync journal.jsonl", "lock")


def test_a_new_folder_stays_with_what_is_moved_into_it(tmp_path: Path) -> None:
    with watched() as disk:
        folders.ensure(tmp_path / "new", below=tmp_path, mode=0o700)
    assert disk.is_name_kept(tmp_path / "new")
