"""Tests of durability: the content and the name of a file are synced, under the right lock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.errors import StateUnreadable
from specify_cli.files import atomic, folders
from specify_cli.files.tree_removal import remove_path
from specify_cli.storage.dead_letters import LetterFolder
from specify_cli.storage.journal import Journal
from specify_cli.storage.journal_parts import SYNCED_BYTES
from specify_cli.storage.journal_publisher import JournalPublisher
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from tests.durability import watched
from tests.unit.storage.journals import journal_of, line


def test_publish_syncs_a_file_before_it_renames_it(tmp_path: Path) -> None:
    with watched() as disk:
        atomic.publish(tmp_path / "a", b"whole")
    assert disk.is_kept(tmp_path / "a")
    assert disk.is_name_kept(tmp_path / "a")
    assert disk.steps[disk.steps.index("rename a") - 1].startswith("sync .a.")


def test_fsync_folder_makes_creations_and_removals_durable(tmp_path: Path) -> None:
    with watched() as disk:
        (tmp_path / "a").write_bytes(b"")
        (tmp_path / "a").unlink()
        atomic.fsync_folder(tmp_path)
    assert disk.is_name_kept(tmp_path / "a")


def test_the_first_append_makes_the_name_of_the_journal_durable(tmp_path: Path) -> None:
    journal, path = journal_of(tmp_path), Layout(tmp_path).journal
    with watched() as disk:
        journal.append(line("a"))
    assert disk.is_name_kept(path)


def test_the_journal_is_synced_after_every_few_kilobytes(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    journal.append(line("a"))
    with watched() as disk:
        journal.append(line("b"))
    assert not disk.is_kept(Layout(tmp_path).journal)
    with watched() as disk:
        journal.append(line("c", note="x" * SYNCED_BYTES))
    assert disk.is_kept(Layout(tmp_path).journal)


def test_the_resolution_of_a_dead_letter_is_durable(tmp_path: Path) -> None:
    (tmp_path / "A.json").write_text('{"dead_letter": "A"}')
    letters = LetterFolder(tmp_path)
    with watched() as disk:
        letters.finish(letters.begin(letters.named("A"), {"state": "discarded"}))
    assert disk.is_name_kept(tmp_path / "A.settled")
    assert disk.is_name_kept(tmp_path / "A.json")


def test_the_removal_of_a_path_is_durable(tmp_path: Path) -> None:
    (tmp_path / "thing").touch()
    with watched() as disk:
        remove_path(tmp_path / "thing")
    assert disk.is_name_kept(tmp_path / "thing")


def test_an_append_writes_under_the_lock_of_the_journal(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    with watched() as disk:
        journal.append(line("a", note="x" * SYNCED_BYTES))
    assert disk.is_locked("sync journal.jsonl", "journal")


def test_a_batch_writes_under_the_lock_of_the_journal(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    with watched() as disk, journal.batch() as book:
        book.append([(line(name, note="x" * SYNCED_BYTES), []) for name in "ab"])
    assert disk.is_locked("sync journal.jsonl", "journal")


@pytest.mark.parametrize("repair", [Journal.restore, Journal.take_in, Journal.publish])
def test_a_repair_of_the_published_journal_holds_its_lock(
    tmp_path: Path, repair: Callable[[Journal], object]
) -> None:
    journal = journal_of(tmp_path)
    for name in "ab":
        journal.append(line(name))
    Layout(tmp_path).journal.unlink()
    with watched() as disk:
        repair(journal_of(tmp_path))
    assert disk.is_locked("rename journal-1.jsonl", "journal")


def test_a_closed_part_of_the_journal_is_durable(tmp_path: Path) -> None:
    journal = journal_of(tmp_path, max_bytes=1)
    journal.append(line("a"))
    with watched() as disk:
        journal.append(line("b"))
    older = Layout(tmp_path).journal.with_name("journal-1.jsonl")
    assert disk.is_kept(older)
    assert disk.is_name_kept(older)


def test_a_new_folder_is_durable(tmp_path: Path) -> None:
    with watched() as disk:
        folders.ensure(tmp_path / "new", below=tmp_path, mode=0o700)
    assert disk.is_name_kept(tmp_path / "new")


def test_a_record_that_seems_to_be_behind_is_checked_again_under_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = journal_of(tmp_path)
    journal.append(line("a"))
    Layout(tmp_path).journal.write_bytes(b"")
    with watched() as disk:

        def fail_once(_: object, record: Record) -> None:
            is_first = "check" not in disk.steps
            disk.steps.append("check" if is_first else "check again")
            if is_first:
                raise StateUnreadable("somebody has just answered a request")

        monkeypatch.setattr(JournalPublisher, "require_current", fail_once)
        journal.require_current()
    assert disk.is_locked("check again", "journal")
