"""Tests of the archive: old parts of the journal are moved there compressed, are still read, and do not come back."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from specify_cli.errors import StateUnreadable
from specify_cli.files import locks
from specify_cli.files.atomic import publish
from specify_cli.storage import journal_archive, journal_queries, record_retention
from specify_cli.storage.journal import Journal
from specify_cli.storage.journal_archive import OldPart, Rule
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.journal_index import JournalIndex
from specify_cli.storage.journal_queries import LineFilter
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from specify_cli.storage.records import found
from tests.durability import watched
from tests.records import forget
from tests.unit.storage.journals import journal_of
from tests.unit.storage.test_record_retention import ANY, all_of, change, read

SMALL = 2_000
LINES = 12


@pytest.fixture
def project(tmp_path: Path) -> Layout:
    """A project whose journal has several parts."""
    journal = journal_of(tmp_path, max_bytes=SMALL)
    for number in range(LINES):
        journal.append(read(f"r{number}") if number % 3 else change(f"r{number}"))
    return Layout(tmp_path)


def record_of(project: Layout) -> Record:
    record = found(project)
    assert record is not None
    return record


def all_parts(project: Layout) -> list[OldPart]:
    return journal_archive.old_parts(project, Rule(before=2.0**40, max_bytes=10**9))


def archive_all(project: Layout) -> list[OldPart]:
    return journal_archive.archive(project, record_of(project), all_parts(project))


def prune_reads(project: Layout) -> None:
    record = record_of(project)
    until = record_retention.old_reads(record, record_retention.Rule(before=ANY, max_bytes=0)).until
    assert record_retention.prune(record, until, release=all_of)


def names(folder: Path) -> list[str]:
    return sorted(it.name for it in folder.iterdir() if it.name.startswith("journal"))


def seqs(lines: list[dict[str, Any]]) -> list[int]:
    return [it["seq"] for it in lines]


def journal_again(project: Layout) -> Journal:
    return Journal(project, max_bytes=SMALL)


def complain(text: str) -> None:
    raise AssertionError(text)


def test_old_parts_are_selected_by_age_and_by_total_size(project: Layout) -> None:
    parts = all_parts(project)
    assert len(parts) >= 3
    assert all(it.is_by_age for it in parts)
    os.utime(parts[0].path, (1, 1))
    assert journal_archive.old_parts(project, Rule(before=2.0, max_bytes=10**9)) == parts[:1]
    total = sum(it.bytes for it in parts) + project.journal.stat().st_size
    found_ = journal_archive.old_parts(project, Rule(before=0.0, max_bytes=total - 1))
    assert [(it.path, it.is_by_age) for it in found_] == [(parts[0].path, False)]
    assert journal_archive.old_parts(project, Rule(before=0.0, max_bytes=total)) == []


def test_archived_parts_are_compressed_and_still_read(project: Layout) -> None:
    before = {it.path.name: it.path.read_bytes() for it in all_parts(project)}
    moved = archive_all(project)
    assert names(project.outbox) == ["journal.jsonl"]
    assert names(project.archive) == sorted(f"{it}.gz" for it in before)
    for name, data in before.items():
        assert gzip.decompress((project.archive / f"{name}.gz").read_bytes()) == data
    assert len(moved) == len(before)
    assert journal_again(project).verify() == []
    forget(project.root)
    index = JournalIndex(project)
    found_ = index.read(lambda it: journal_queries.last(it, LineFilter(), 100))
    assert [it.seq for it in found_] == [*range(1, LINES + 1)]
    index.close()


def test_a_part_that_is_redacted_during_its_compression_is_not_archived(
    project: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    compressed = journal_archive._compressed

    def compressed_during_a_redaction(part: Path) -> Iterator[bytes]:
        yield from [*compressed(part)]
        # A redaction replaces the part like this.
        publish(part, part.read_bytes().replace(b"r1", b"--"))

    monkeypatch.setattr(journal_archive, "_compressed", compressed_during_a_redaction)
    assert archive_all(project) == []
    assert not project.archive.exists()


def test_a_reader_continues_in_the_archive_if_a_part_is_archived_meanwhile(project: Layout) -> None:
    lines = JournalFiles(project.journal).lines()
    seen = [next(lines)]
    archive_all(project)
    assert seqs([*seen, *lines]) == [*range(1, LINES + 1)]


def test_archived_and_removed_parts_are_not_published_again(project: Layout) -> None:
    archive_all(project)
    journal = journal_again(project)
    journal.append(change("next"))
    journal.restore()
    assert "journal-1.jsonl" not in names(project.outbox)
    project.journal.unlink()
    journal = journal_again(project)
    journal.append(change("another"))
    published = [
        line
        for it in sorted(project.outbox.glob("journal*"))
        for line in it.read_bytes().splitlines()
    ]
    assert b'"another"' in b"".join(published)
    assert b'"r0"' not in b"".join(published)
    assert journal.verify() == []
    for part in project.archive.iterdir():
        part.unlink()
    assert journal_again(project).verify() == []


def test_no_part_is_published_again_if_only_an_empty_newest_part_is_left(
    project: Layout,
) -> None:
    lines = project.journal.read_bytes().splitlines()
    first = int(lines[0].partition(b":")[2].partition(b",")[0])
    project.journal.rename(project.journal.with_name(f"journal-{first}.jsonl"))
    project.journal.touch()
    archive_all(project)
    journal = journal_again(project)
    assert journal.append(change("next"))["seq"] == LINES + 1
    assert names(project.outbox) == ["journal.jsonl"]
    assert project.journal.read_bytes().count(b"\n") == 1
    assert journal.verify() == []


@pytest.mark.parametrize("is_pruned_first", [True, False])
def test_verify_checks_pruned_reads_by_the_following_line(
    project: Layout, *, is_pruned_first: bool
) -> None:
    if is_pruned_first:
        prune_reads(project)
        assert journal_again(project).verify() == []
    archive_all(project)
    if not is_pruned_first:
        prune_reads(project)
    assert journal_again(project).verify() == []
    part = min(project.archive.iterdir())
    part.write_bytes(gzip.compress(gzip.decompress(part.read_bytes()).replace(b"WP03", b"WP99", 1)))
    (fault,) = journal_again(project).verify()[:1]
    assert part.name in fault


def test_verify_reports_a_changed_line_of_a_pruned_read(
    project: Layout,
) -> None:
    prune_reads(project)
    part = all_parts(project)[0].path
    lines = part.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"WP03", b"WP99")
    part.write_bytes(b"".join(lines))
    faults = journal_again(project).verify()
    assert faults == [f"{part.name} line 2: is not what the host wrote"]
    with pytest.raises(StateUnreadable, match="doctor --fix"):
        archive_all(project)
    journal_again(project).restore()
    assert journal_again(project).verify() == []
    assert b"WP99" not in b"".join(it.read_bytes() for it in project.outbox.glob("journal*"))


def test_lost_lines_are_published_again_in_few_parts_despite_pruned_reads(
    project: Layout,
) -> None:
    prune_reads(project)
    for it in all_parts(project):
        it.path.unlink()
    project.journal.unlink()
    journal_again(project).append(change("next"))
    assert len(names(project.outbox)) <= 6
    assert journal_again(project).verify() == []


def test_an_interrupted_archival_is_repeated(project: Layout) -> None:
    part = all_parts(project)[0]
    data = part.path.read_bytes()
    # Killed between the archive and the record, and between the record and the removal.
    journal_archive.archive(project, record_of(project), [part])
    part.path.write_bytes(data)
    assert journal_again(project).verify() == []
    assert journal_archive.archive(project, record_of(project), [part]) == [part]
    assert not part.path.exists()
    assert journal_again(project).verify() == []


def test_archive_removes_a_part_under_the_lock_of_the_journal_and_syncs(project: Layout) -> None:
    part = all_parts(project)[0]
    with watched() as disk:
        journal_archive.archive(project, record_of(project), [part])
    removal = f"unlink {part.path.name}"
    assert disk.is_locked(removal, "journal")
    assert disk.steps.index(f"sync {part.path.parent.name}") > disk.steps.index(removal)
    assert disk.is_name_kept(part.path)


def test_remove_archived_holds_the_lock_of_the_journal(project: Layout) -> None:
    archive_all(project)
    part = min(project.archive.iterdir())
    with watched() as disk:
        journal_archive.remove_archived(project, [part])
    assert disk.is_locked(f"unlink {part.name}", "journal")


def test_a_foreign_file_in_the_archive_moves_to_the_attic(project: Layout) -> None:
    part = all_parts(project)[0]
    project.archive.mkdir()
    (project.archive / f"{part.path.name}.gz").write_bytes(b"theirs")
    archive_all(project)
    (kept,) = project.attic.glob("*/*.gz")
    assert kept.read_bytes() == b"theirs"


def test_verify_reports_a_truncated_archive(project: Layout) -> None:
    archive_all(project)
    part = min(project.archive.iterdir())
    part.write_bytes(part.read_bytes()[:-20])
    faults = journal_again(project).verify()
    assert f"{part.name} cannot be unpacked" in faults[0]


def test_a_restored_part_has_no_lines_of_one_that_was_moved_away(
    project: Layout, tmp_path: Path
) -> None:
    archive_all(project)
    first, second = sorted(project.archive.iterdir(), key=JournalFiles(project.journal).first_of)[
        :2
    ]
    before = first.read_bytes()
    moved = second.rename(tmp_path / second.name)
    first.write_bytes(before[:-20])
    with locks.held(project.lock("journal")):
        journal_archive.restore(project, record_of(project), first)
    assert first.read_bytes() == before
    assert journal_again(project).verify() == []
    moved.rename(second)
    assert journal_again(project).verify() == []


def test_a_part_that_is_moved_away_while_verify_reads_is_not_a_fault(
    project: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive_all(project)
    numbers = Record.numbers

    def move_away(record: Record, *, after: int) -> Sequence[int]:
        for part in project.archive.iterdir():
            part.rename(tmp_path / part.name)
        return numbers(record, after=after)

    monkeypatch.setattr(Record, "numbers", move_away)
    assert journal_again(project).verify() == []


def test_a_record_that_is_created_again_includes_the_archived_lines(project: Layout) -> None:
    archive_all(project)
    record = record_of(project)
    for path in record.path.parent.glob(f"{record.path.name}*"):
        path.unlink()
    journal = journal_again(project)
    assert journal.append(change("next"))["seq"] == LINES + 1
    known = journal.find("r0", "nightly")
    assert known is not None
    assert known["seq"] == 1
