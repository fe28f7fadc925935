"""Tests of entries at the path of the published journal that are not regular files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.storage.journal import Journal
from specify_cli.storage.journal_index import JournalIndex
from specify_cli.storage.layout import Layout
from tests.unit.storage.journals import journal_of, line
from tests.unit.storage.published_journal.parts import held_open, numbers


def _fifo_with_a_reader(path: Path) -> None:
    os.mkfifo(path)
    # It is kept open until the test ends: a FIFO with a reader can be opened for writing.
    held_open.append(os.open(path, os.O_RDWR))


def _link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("outside"))


PLANTS = [os.mkfifo, os.mkdir, _fifo_with_a_reader, _link_to_nothing]


@pytest.mark.parametrize("plant", PLANTS)
def test_an_entry_that_is_not_a_regular_file_at_the_journal_does_not_block(
    tmp_path: Path, path: Path, plant: Callable[[Path], object]
) -> None:
    journal = journal_of(tmp_path)
    plant(path)
    uses: list[Callable[[], object]] = [
        lambda: journal.find("a"),
        journal.verify,
        lambda: list(journal.lines()),
        # Lines of an older release may have been there.
        lambda: journal.append(line("a")),
        JournalIndex(Layout(tmp_path)).update,
    ]
    for use in uses:
        with pytest.raises(StorageFailed, match="move the entry of that name away"):
            use()
    assert not path.with_name("outside").exists()


@pytest.mark.parametrize("plant", PLANTS)
def test_appends_succeed_while_the_journal_cannot_be_written(
    journal: Journal,
    tmp_path: Path,
    path: Path,
    plant: Callable[[Path], object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    path.unlink()
    plant(path)
    assert journal.find("d") is None
    assert [it["seq"] for it in journal.lines()] == [1, 2, 3]
    assert journal.append(line("d"))["seq"] == 4
    assert journal_of(tmp_path).append(line("d"))["seq"] == 4
    assert "they are published later" in caplog.text
    assert not path.with_name("outside").exists()
    path.rmdir() if path.is_dir() else path.unlink()
    assert journal.append(line("e"))["seq"] == 5
    assert numbers(path) == [1, 2, 3, 4, 5]
    assert journal.verify() == []


def test_a_link_to_another_journal_is_neither_read_nor_written(
    journal: Journal, tmp_path: Path, path: Path
) -> None:
    outside = tmp_path / "outside"
    path.rename(outside)
    before = outside.read_bytes()
    path.symlink_to(outside)
    with pytest.raises(StorageFailed):
        journal.verify()
    journal.append(line("d"))
    assert outside.read_bytes() == before


def test_a_fifo_at_an_older_part_does_not_block(tmp_path: Path, path: Path) -> None:
    journal = journal_of(tmp_path, max_bytes=1)
    for name in "ab":
        journal.append(line(name))
    older = path.with_name("journal-1.jsonl")
    older.unlink()
    os.mkfifo(older)
    with pytest.raises(StorageFailed):
        journal.verify()
    assert journal_of(tmp_path).find("a") is not None
    assert journal.append(line("c"))["seq"] == 3


def test_a_file_whose_name_is_not_that_of_a_part_is_ignored(journal: Journal, path: Path) -> None:
    path.with_name("journal-01.jsonl").write_bytes(b"a copy of somebody\n")
    assert journal.verify() == []
    assert numbers(path) == [1, 2, 3]
