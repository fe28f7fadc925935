from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from specify_cli.errors import StateUnreadable
from specify_cli.storage import journal_queries, published_line
from specify_cli.storage.journal import Journal
from specify_cli.storage.journal_index import JournalIndex
from specify_cli.storage.journal_queries import LineFilter
from specify_cli.storage.layout import Layout
from tests.unit.storage.journals import journal_of, line, published
from tests.unit.storage.published_journal.parts import numbers

# Crashes and power losses.


@pytest.mark.parametrize("torn", [b'{"seq":4,"corr', b"\0" * 4096, b'{"seq":4,"co\0\0"}\n', b"{"])
def test_the_next_append_removes_a_torn_last_line(
    journal: Journal, tmp_path: Path, path: Path, torn: bytes
) -> None:
    with path.open("ab") as file:
        file.write(torn)
    assert journal.verify() == []
    for reader in (journal, journal_of(tmp_path)):
        assert reader.find("c") is not None
    assert journal.append(line("d"))["seq"] == 4
    assert path.read_bytes().count(b"\n") == 4
    assert journal_of(tmp_path).verify() == []


@pytest.mark.parametrize("left", [0, 5, -1])
def test_an_append_completes_a_line_that_a_crash_left_unpublished(
    journal: Journal, tmp_path: Path, path: Path, left: int
) -> None:
    *before, newest = published(tmp_path)
    path.write_bytes(b"".join(before) + newest[:left])
    assert journal.verify() == []
    journal_of(tmp_path).append(line("d"))
    assert numbers(path) == [1, 2, 3, 4]
    assert published(tmp_path)[2] == newest
    assert journal.verify() == []


def test_publish_appends_all_unpublished_lines_of_one_commit(
    journal: Journal, tmp_path: Path, path: Path
) -> None:
    before, inode = path.read_bytes(), path.stat().st_ino
    with journal.batch() as book:
        book.append([(line(name), ()) for name in "defg"])
    path.write_bytes(before)
    journal_of(tmp_path).publish()
    assert [json.loads(it)["seq"] for it in published(tmp_path)] == [1, 2, 3, 4, 5, 6, 7]
    assert path.stat().st_ino == inode
    assert journal.verify() == []


def test_an_append_publishes_lines_that_could_not_be_written_before(
    journal: Journal, tmp_path: Path, path: Path
) -> None:
    inode = path.stat().st_ino
    path.rename(path.with_name("away"))
    path.mkdir()
    for name in "def":
        journal.append(line(name))
    path.rmdir()
    path.with_name("away").rename(path)
    journal_of(tmp_path).append(line("g"))
    assert [json.loads(it)["seq"] for it in published(tmp_path)] == [1, 2, 3, 4, 5, 6, 7]
    assert path.stat().st_ino == inode
    assert journal.verify() == []


def test_an_append_completes_an_interrupted_rotation(journal: Journal, path: Path) -> None:
    path.rename(path.with_name("journal-1.jsonl"))
    assert journal.find("b") is not None
    assert journal.append(line("d"))["seq"] == 4
    assert path.read_bytes().count(b"\n") == 1
    assert journal.verify() == []


def _hole(lines: list[bytes]) -> bytes:
    """As if the block of the second line had never reached the disk."""
    return lines[0] + b"\0" * len(lines[1]) + lines[2]


def _half_a_hole(lines: list[bytes]) -> bytes:
    return lines[0] + lines[1][:20] + b"\0" * (len(lines[1]) - 40) + lines[1][-20:] + lines[2]


@pytest.mark.parametrize("lose", [_hole, _half_a_hole, lambda it: it[0], lambda it: b"\0" * 900])
def test_publish_restores_unsynced_lines_damaged_by_a_power_loss(
    journal: Journal, tmp_path: Path, path: Path, lose: Callable[[list[bytes]], bytes]
) -> None:
    lines = published(tmp_path)
    path.write_bytes(lose(lines))
    again = journal_of(tmp_path)
    again.publish()
    assert again.verify() == []
    assert again.append(line("d"))["seq"] == 4
    assert numbers(path) == [1, 2, 3, 4]
    assert again.verify() == []


# Changes by people.


@pytest.mark.parametrize("do", [Path.unlink, lambda it: it.rename(it.parent.parent / "kept")])
def test_an_append_publishes_the_lines_of_a_removed_journal_in_an_older_part(
    journal: Journal,
    path: Path,
    caplog: pytest.LogCaptureFixture,
    do: Callable[[Path], object],
) -> None:
    do(path)
    assert journal.verify() == [
        "journal.jsonl: lines 1 to 2 are not published; 'spec-kitty doctor --fix' publishes them again"
    ]
    assert journal.find("a") is not None
    assert journal.append(line("d"))["seq"] == 4
    assert [published_line.seq_of(it) for it in path.read_bytes().splitlines(True)] == [4]
    assert path.with_name("journal-1.jsonl").read_bytes().count(b"\n") == 3
    assert numbers(path) == [1, 2, 3, 4]
    assert journal.verify() == []
    assert "lacked lines 1 to 3" in caplog.text


def test_a_follower_of_the_journal_sees_no_line_twice(
    journal: Journal, tmp_path: Path, path: Path
) -> None:
    index = JournalIndex(Layout(tmp_path))

    def after(seq: int) -> list[int]:
        found = index.read(lambda it: journal_queries.following(it, LineFilter(), after=seq))
        return [it.seq for it in found]

    assert after(0) == [1, 2, 3]
    path.unlink()
    journal.append(line("d"))
    assert after(3) == [4]
    path.write_bytes(published(tmp_path)[0][:10])
    journal.append(line("e"))
    journal.append(line("f"))
    assert after(4) == [5, 6]
    assert journal.verify() == []
    index.close()


def test_an_append_publishes_truncated_lines_in_a_part_of_their_own(
    journal: Journal, tmp_path: Path, path: Path
) -> None:
    path.write_bytes(published(tmp_path)[0])
    journal_of(tmp_path).append(line("d"))
    names = sorted(it.name for it in path.parent.glob("journal*"))
    assert names == ["journal-1.jsonl", "journal-2.jsonl", "journal.jsonl"]
    assert numbers(path) == [1, 2, 3, 4]
    assert journal.verify() == []


def _edit(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1].replace(b'"at":"now"', b'"at":"NOW"'), lines[2]]


def _remove(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2]]


def _behead(lines: list[bytes]) -> list[bytes]:
    return lines[1:]


def _swap(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1]]


def _repeat(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[0], *lines[1:]]


def _blank(lines: list[bytes]) -> list[bytes]:
    return [lines[0], b"\n", *lines[1:]]


def _break_json(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1][:-3] + b"\n", lines[2]]


def _add(lines: list[bytes]) -> list[bytes]:
    return [*lines, b"foreign\n"]


def _rewrite(lines: list[bytes]) -> list[bytes]:
    """Change the actor of the second line, and compute the chain again."""
    said = [json.loads(line) for line in lines]
    said[1]["actor"] = "somebody else"
    chain: list[bytes] = []
    for seq, it in enumerate(said, start=1):
        prev = published_line.digest(chain[-1]) if chain else published_line.NOTHING_BEFORE
        chain.append(published_line.encode(it, seq=seq, prev=prev))
    return chain


TAMPERED = [_edit, _remove, _behead, _swap, _repeat, _blank, _break_json, _add, _rewrite]


@pytest.mark.parametrize("tamper", TAMPERED)
def test_verify_locates_tampering_and_restore_repairs_it(
    journal: Journal,
    tmp_path: Path,
    path: Path,
    tamper: Callable[[list[bytes]], list[bytes]],
) -> None:
    sound = published(tmp_path)
    tampered = b"".join(tamper(sound))
    path.write_bytes(tampered)
    breaks = journal_of(tmp_path).verify()
    assert breaks
    assert any("journal.jsonl line " in found for found in breaks)
    for name in "abc":
        found = journal_of(tmp_path).find(name)
        assert found is not None
        assert found["at"] == "now"
    journal.restore()
    assert journal.verify() == []
    kept = [it.read_bytes() for it in Layout(tmp_path).attic.rglob("*.jsonl")]
    # A file that only lacks its first lines has no wrong line to keep.
    assert kept == ([] if tamper is _behead else [tampered])
    parts = [*sorted(path.parent.glob("journal-*")), path]
    assert b"".join(it.read_bytes() for it in parts if it.exists()) == b"".join(sound)
    assert journal.append(line("d"))["seq"] == 4
    assert journal.verify() == []


def test_restore_refuses_to_repair_from_a_damaged_record(journal: Journal, tmp_path: Path) -> None:
    sound = published(tmp_path)
    (database,) = (tmp_path / ".kitty" / "record").glob("record.db")
    with closing(sqlite3.connect(database)) as connection, connection:
        forged = sound[1].replace(b'"at":"now"', b'"at":"NOW"')
        connection.execute("UPDATE entry SET published = ? WHERE seq = 2", (forged,))
    (fault,) = journal_of(tmp_path).verify()
    assert "entry 2 is not what was committed" in fault
    with pytest.raises(StateUnreadable):
        journal_of(tmp_path).restore()
    assert published(tmp_path) == sound


@pytest.mark.parametrize("tamper", TAMPERED)
def test_appends_succeed_while_the_journal_is_tampered_with(
    journal: Journal,
    tmp_path: Path,
    path: Path,
    tamper: Callable[[list[bytes]], list[bytes]],
) -> None:
    path.write_bytes(b"".join(tamper(published(tmp_path))))
    assert journal_of(tmp_path).append(line("d"))["seq"] == 4
    assert journal.verify()
    journal.restore()
    assert journal.verify() == []
    assert numbers(path) == [1, 2, 3, 4]


def test_restore_removes_a_duplicate_part(journal: Journal, tmp_path: Path, path: Path) -> None:
    path.with_name("journal-2.jsonl").write_bytes(b"".join(published(tmp_path)[1:]))
    assert journal.verify()
    journal.restore()
    assert numbers(path) == [1, 2, 3]
    assert journal.verify() == []


def test_a_former_journal_that_is_put_back_loses_no_line(
    journal: Journal, tmp_path: Path, path: Path
) -> None:
    kept = path.rename(tmp_path / "kept")
    for name in "de":
        journal.append(line(name))
    path.unlink()
    journal.append(line("f"))
    kept.rename(path)
    journal.append(line("g"))
    assert numbers(path) == [*range(1, 8)]
    assert journal.verify() == []


# Parts.


def test_a_full_journal_is_renamed_and_the_chain_continues(tmp_path: Path, path: Path) -> None:
    journal = journal_of(tmp_path, max_bytes=500)
    bystander = journal_of(tmp_path, max_bytes=500)
    for number in range(10):
        journal.append(line(f"id-{number}", note="x" * 100))
        assert bystander.find(f"id-{number}") is not None
    rotated = sorted(path.parent.glob("journal-*.jsonl"))
    assert len(rotated) > 1
    assert path.with_name("journal-1.jsonl") in rotated
    assert all(file.stat().st_size <= 500 for file in (*rotated, path))
    for known in (journal, bystander, journal_of(tmp_path, max_bytes=500)):
        assert [known.find(f"id-{number}")["seq"] for number in range(10)] == [*range(1, 11)]  # type: ignore[index]
        assert known.verify() == []
    assert bystander.append(line("id-0"))["seq"] == 1
    assert bystander.append(line("new"))["seq"] == 11


def test_a_full_journal_with_foreign_content_moves_to_the_attic(
    journal: Journal, tmp_path: Path, path: Path
) -> None:
    path.write_bytes(b"x" * 600 + b"\n")
    small = journal_of(tmp_path, max_bytes=500)
    assert [small.append(line(name))["seq"] for name in "de"] == [4, 5]
    assert numbers(path) == [1, 2, 3, 4, 5]
    assert small.verify() == []
    assert any(it.stat().st_size > 600 for it in Layout(tmp_path).attic.rglob("*.jsonl"))


def test_verify_reports_a_missing_part_and_restore_publishes_it_again(
    journal: Journal, tmp_path: Path
) -> None:
    path = Layout(tmp_path).journal
    path.rename(path.with_name("journal-1.jsonl"))
    journal.append(line("d"))
    path.with_name("journal-1.jsonl").unlink()
    assert journal.verify() == ["journal.jsonl line 1: lines 1 to 3 are missing before it"]
    journal.restore()
    assert journal.verify() == []
