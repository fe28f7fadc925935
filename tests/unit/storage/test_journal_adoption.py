from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from specify_cli.storage import published_line, records
from specify_cli.storage.layout import Layout
from tests.unit.storage.journals import by, journal_of, line, published


def write_as_before(
    root: Path, lines: list[dict[str, Any]], *, name: str = "journal.jsonl"
) -> Path:
    """Append the lines to a published journal as a release without a record does."""
    outbox = Layout(root).outbox
    outbox.mkdir(parents=True, exist_ok=True)
    path = outbox / name
    known = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    seq = json.loads(known[-1])["seq"] if known else 0
    prev = published_line.digest(known[-1]) if known else published_line.NOTHING_BEFORE
    with path.open("ab") as file:
        for said in lines:
            seq += 1
            data = published_line.encode(said, seq=seq, prev=prev)
            prev = published_line.digest(data)
            file.write(data)
    return path


def test_lines_of_an_older_release_are_found_and_continued(tmp_path: Path) -> None:
    count = 1203
    write_as_before(tmp_path, [line(f"id-{n}", n=n) for n in range(count)])
    before = published(tmp_path)
    journal = journal_of(tmp_path)
    assert (journal.find("id-7") or {})["n"] == 7
    assert journal.find("id-7", digest="of id-8") is None
    assert records.found(Layout(tmp_path)) is None
    assert journal.verify() == []
    assert journal.append(line("id-9"))["n"] == 9
    assert journal.append(line("new"))["seq"] == count + 1
    assert published(tmp_path)[:count] == before
    assert journal.verify() == []
    Layout(tmp_path).journal.unlink()
    assert (journal_of(tmp_path).find("id-1202") or {})["n"] == 1202


def test_all_answers_of_an_older_release_under_one_id_are_found(tmp_path: Path) -> None:
    two = [line("a", n=1), line("a", digest="another", n=2), line("a", digest="another", n=3)]
    write_as_before(tmp_path, [*two, by("nightly", "a", n=4)])
    journal = journal_of(tmp_path)
    for _ in range(2):
        assert (journal.find("a") or {})["n"] == 1
        assert (journal.find("a", digest="another") or {})["n"] == 2
        assert (journal.find("a", "nightly") or {})["n"] == 4
        journal.append(line("b"))
    assert journal.verify() == []


def test_older_parts_are_adopted_first(tmp_path: Path) -> None:
    path = write_as_before(tmp_path, [line(name) for name in "abcd"])
    lines = published(tmp_path)
    path.with_name("journal-1.jsonl").write_bytes(b"".join(lines[:2]))
    path.write_bytes(b"".join(lines[2:]))
    journal = journal_of(tmp_path)
    assert journal.append(line("a"))["seq"] == 1
    assert journal.append(line("e"))["seq"] == 5
    assert journal.verify() == []


def test_lines_that_an_older_release_writes_later_are_adopted(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    journal.append(line("a"))
    write_as_before(tmp_path, [line("b"), line("c")])
    assert (journal.find("c") or {})["seq"] == 3
    assert journal.append(line("b"))["seq"] == 2
    assert journal.append(line("d"))["seq"] == 4
    assert journal.verify() == []


def test_lines_of_another_project_are_not_adopted(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    journal, other = journal_of(here), journal_of(there)
    for name in ("a", "b", "c", "d"):
        other.append(line(name, n="theirs"))
    journal.append(line("e"))
    shutil.copy(Layout(there).journal, Layout(here).journal)
    again = journal_of(here)
    assert again.find("d") is None
    assert again.append(line("d", n="ours"))["seq"] == 2
    assert (again.find("d") or {})["n"] == "ours"
    assert again.verify() != []
    again.restore()
    assert again.verify() == []
    assert [it["seq"] for it in again.lines()] == [1, 2]


def test_a_journal_that_does_not_start_at_1_is_adopted(tmp_path: Path) -> None:
    path = write_as_before(tmp_path, [line(name) for name in "abcd"])
    path.write_bytes(b"".join(published(tmp_path)[2:]))
    journal = journal_of(tmp_path)
    assert journal.append(line("e"))["seq"] == 5
    assert journal.verify() == []


def test_a_removed_record_is_created_again_beside_its_stale_wal_files(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    for name in "abc":
        journal.append(line(name))
    database = tmp_path / ".kitty" / "record" / "record.db"
    kept = {it: it.read_bytes() for it in database.parent.glob("record.db-*")}
    assert kept
    database.unlink()
    assert journal.append(line("d"))["seq"] == 4
    records.found(Layout(tmp_path)).close()  # type: ignore[union-attr]
    database.unlink()
    for path, data in kept.items():
        path.write_bytes(data)
    assert journal_of(tmp_path).append(line("e"))["seq"] == 5
    assert journal_of(tmp_path).verify() == []
    assert [it["seq"] for it in journal.lines()] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("damaged", [b"foreign\n", b'{"seq":2,"correlation_id":"b"\n'])
def test_a_damaged_line_is_reported_and_does_not_block_appends(
    tmp_path: Path, damaged: bytes
) -> None:
    path = write_as_before(tmp_path, [line(name) for name in "abc"])
    lines = published(tmp_path)
    path.write_bytes(lines[0] + damaged + lines[2])
    journal = journal_of(tmp_path)
    assert journal.append(line("d"))["seq"] == 4
    assert journal.find("b") is None
    assert (journal.find("c") or {})["seq"] == 3
    assert journal.verify()[0].startswith("journal.jsonl line 2: ")


@pytest.mark.parametrize("twice", ['"seq":"9"', '"seq":2', '"correlation_id":"\\u001b[31m"'])
def test_a_line_with_a_duplicate_number_or_id_is_not_adopted(tmp_path: Path, twice: str) -> None:
    journal = journal_of(tmp_path)
    Layout(tmp_path).journal.write_text(f'{{"seq":1,"correlation_id":"a",{twice}}}\n')
    assert list(journal.lines()) == []
    assert "twice" in journal.verify()[0]
    assert journal.find("a") is None
    assert journal.append(line("b"))["seq"] == 1
