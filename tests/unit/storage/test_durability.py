"""What is acknowledged survives a loss of power: its bytes were synced, and its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.errors import StateUnreadable
from specify_cli.files import atomic, folders
from specify_cli.files.tree_removal import remove_path
from specify_cli.storage.dead_letters import LetterFolder
from specify_cli.storage.journal_parts import SYNCED_BYTES
from specify_cli.storage.journal_publisher import JournalPublisher
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from tests.durability import watched
from tests.unit.storage.journals import journal_of, line


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


def test_the_first_line_of_a_journal_keeps_its_name(tmp_path: Path) -> None:
    journal, path = journal_of(tmp_path), Layout(tmp_path).journal
    with watched() as disk:
        journal.append(line("a"))
    assert disk.is_name_kept(path)


def test_a_journal_is_kept_each_time_it_has_grown_by_some_kilobytes(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    journal.append(line("a"))
    with watched() as disk:
        journal.append(line("b"))
    assert not disk.is_kept(Layout(tmp_path).journal)
    with watched() as disk:
        journal.append(line("c", note="x" * SYNCED_BYTES))
    assert disk.is_kept(Layout(tmp_path).journal)


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
        remove_path(tmp_path / "thing")
    assert disk.is_name_kept(tmp_path / "thing")


def test_a_line_of_a_journal_is_written_under_its_lock(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    with watched() as disk:
        journal.append(line("a", note="x" * SYNCED_BYTES))
    assert disk.is_locked("sync journal.jsonl", "journal")


def test_the_lines_of_a_batch_are_written_under_the_lock_of_the_journal(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    with watched() as disk, journal.batch() as book:
        book.append([(line(name, note="x" * SYNCED_BYTES), []) for name in "ab"])
    assert disk.is_locked("sync journal.jsonl", "journal")


def test_a_journal_is_put_right_under_its_lock(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    for name in "ab":
        journal.append(line(name))
    Layout(tmp_path).journal.unlink()
    with watched() as disk:
        journal.restore()
    assert disk.is_locked("rename journal-1.jsonl", "journal")


def test_the_end_of_a_journal_is_taken_in_under_its_lock(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    for name in "ab":
        journal.append(line(name))
    Layout(tmp_path).journal.unlink()
    with watched() as disk:
        journal.take_in()
    assert disk.is_locked("rename journal-1.jsonl", "journal")


def test_a_journal_is_published_under_its_lock(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    for name in "ab":
        journal.append(line(name))
    Layout(tmp_path).journal.unlink()
    with watched() as disk:
        journal_of(tmp_path).publish()
    assert disk.is_locked("rename journal-1.jsonl", "journal")


def test_an_older_part_of_a_journal_keeps_its_name(tmp_path: Path) -> None:
    journal = journal_of(tmp_path, max_bytes=1)
    journal.append(line("a"))
    with watched() as disk:
        journal.append(line("b"))
    older = Layout(tmp_path).journal.with_name("journal-1.jsonl")
    assert disk.is_kept(older)
    assert disk.is_name_kept(older)


def test_a_new_folder_stays_with_what_is_moved_into_it(tmp_path: Path) -> None:
    with watched() as disk:
        folders.ensure(tmp_path / "new", below=tmp_path, mode=0o700)
    assert disk.is_name_kept(tmp_path / "new")


def test_a_record_that_seems_older_is_looked_at_again_under_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = journal_of(tmp_path)
    journal.append(line("a"))
    Layout(tmp_path).journal.write_bytes(b"")
    with watched() as disk:

        def looked_at(_: object, record: Record) -> None:
            is_first = not any(it.startswith("look") for it in disk.steps)
            disk.steps.append("look" if is_first else "look again")
            if is_first:
                raise StateUnreadable("somebody has just answered a request")

        monkeypatch.setattr(JournalPublisher, "require_current", looked_at)
        journal.require_current()
    assert disk.is_locked("look again", "journal")
