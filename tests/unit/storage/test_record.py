"""Tests of the record: commits are atomic, each request counts once, and changes are detected."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from specify_cli.core.lanes import Lane
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.files import locks
from specify_cli.storage import published_line
from specify_cli.storage.record import Record
from specify_cli.storage.record_database import DATABASE
from specify_cli.storage.record_entries import AlreadyAsked, Draft, KnownMission, Overtaken
from tests.durability import watched
from tests.unit.storage.drafts import AT, MISSION, draft, state_in


def test_a_request_is_found_by_id_orchestrator_and_digest(record: Record) -> None:
    record.commit([draft("r1")])
    (entry,) = record.entries()
    assert record.find("r1") == record.find("r1", digest="of r1") == entry.published
    assert record.find("r1", "another") is None
    assert record.find("r1", digest="of r2") is None
    assert record.find("r2") is None


def test_drafts_are_numbered_in_their_order(record: Record) -> None:
    record.commit([draft("r1"), Draft(at=AT, kind="event", mission=1, log=b"{}\n"), draft("r2")])
    record.commit([draft("r3")])
    found = list(record.entries())
    assert [(it.position, it.seq) for it in found] == [(1, 1), (2, None), (3, 2), (4, 3)]
    assert [it.position for it in record.entries(after=2)] == [3, 4]
    assert record.last() == found[-1]


def test_a_published_line_has_the_digest_of_the_previous_one(record: Record) -> None:
    record.commit([draft("r1"), draft("r2")])
    first, second = (it.published or b"" for it in record.entries())
    assert json.loads(first)["prev"] == published_line.NOTHING_BEFORE
    assert json.loads(second)["prev"] == published_line.digest(first)


def test_an_answered_request_rolls_back_the_whole_commit(record: Record) -> None:
    record.commit([draft("r1", state="claimed")])
    with pytest.raises(AlreadyAsked) as known:
        record.commit([draft("r2", state="done"), draft("r1", state="done")])
    assert known.value.args[0] == "r1"
    assert record.find("r2") is None
    assert state_in(record) == Lane.CLAIMED
    assert len(list(record.entries())) == 1


def test_a_mission_changed_meanwhile_rolls_back_the_whole_commit(
    record: Record,
) -> None:
    record.commit([draft("r1")._replace(behind=0)])
    with pytest.raises(Overtaken):
        record.commit([draft("r3", state="done"), draft("r2")._replace(behind=0)])
    assert record.find("r3") is None
    record.commit([draft("r2")._replace(behind=1), draft("r3")])
    assert len(list(record.entries())) == 3


def test_a_failing_draft_rolls_back_the_whole_commit(record: Record) -> None:
    def fail(seq: int, prev: str) -> bytes:
        raise ValueError(seq, prev)

    with pytest.raises(ValueError, match="2"):
        record.commit([draft("r1"), Draft(at=AT, kind="request", published=fail)])
    assert list(record.entries()) == []
    record.commit([draft("r1")])


def test_a_draft_for_an_unknown_mission_is_refused(record: Record) -> None:
    with pytest.raises(StorageFailed, match="FOREIGN KEY"):
        record.commit([Draft(at=AT, kind="event", mission=7, log=b"{}\n")])
    assert list(record.entries()) == []


def test_a_mission_keeps_its_number_when_its_folder_changes(record: Record) -> None:
    known = KnownMission(number=1, mission_id="01H", folder="001-find", branch="main")
    assert record.keep_mission(known) == known
    assert record.missions("01H", folder="") == [known]
    other = record.keep_mission(KnownMission(mission_id=None, folder="001-find"))
    assert record.missions("01H", folder="001-find") == [other, known]


def test_another_connection_finds_committed_entries(record: Record, tmp_path: Path) -> None:
    record.commit([draft("r1")])
    other = Record(tmp_path)
    assert other.id == record.id
    assert other.find("r1") is not None
    other.commit([draft("r2")])
    assert [it.seq for it in record.entries()] == [1, 2]


def commit_own_and_shared(folder: Path, number: int) -> list[str]:
    """Commit twenty requests of its own and twenty of all processes; return those that it committed."""
    record, done = Record(folder), []
    for n in range(20):
        for name in (f"own-{number}-{n}", f"shared-{n}"):
            try:
                record.commit([draft(name)])
            except AlreadyAsked:
                continue
            done.append(name)
    return done


def test_concurrent_processes_commit_each_request_once(record: Record, tmp_path: Path) -> None:
    record.close()
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        done = pool.starmap(commit_own_and_shared, [(tmp_path, n) for n in range(3)])
    names = [name for some in done for name in some]
    assert len(names) == len(set(names)) == 80
    assert [it.seq for it in record.entries()] == list(range(1, 81))
    assert record.faults() == []


def test_a_record_of_a_newer_format_is_refused_and_left_unchanged(
    record: Record, tmp_path: Path
) -> None:
    record.commit([draft("r1")])
    record.close()
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        connection.execute("PRAGMA user_version = 2")
    before = (tmp_path / DATABASE).read_bytes()
    with pytest.raises(StateUnreadable, match="has format 2"):
        Record(tmp_path).find("r1")
    assert (tmp_path / DATABASE).read_bytes() == before


def test_a_file_that_is_not_a_database_is_refused_and_left_unchanged(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"not a database" * 100)
    with pytest.raises(StateUnreadable, match="is damaged"):
        Record(tmp_path).find("r1")
    assert (tmp_path / DATABASE).read_bytes() == b"not a database" * 100


def test_reading_a_missing_record_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="it does not exist"):
        Record(tmp_path).find("r1")
    assert list(tmp_path.iterdir()) == []


def test_a_record_object_works_again_after_an_error(tmp_path: Path) -> None:
    record = Record(tmp_path)
    with pytest.raises(StorageFailed):
        record.find("r1")
    Record.make(tmp_path)
    assert record.find("r1") is None


def test_make_removes_the_temporary_files_of_a_killed_process(tmp_path: Path) -> None:
    (tmp_path / f".{DATABASE}.0123").write_bytes(b"half")
    (tmp_path / f".{DATABASE}.0123-wal").write_bytes(b"half")
    Record.make(tmp_path).close()
    assert sorted(it.name for it in tmp_path.iterdir()) == ["lock", DATABASE]


def test_the_creation_of_a_record_is_durable(tmp_path: Path) -> None:
    with watched() as disk:
        Record.make(tmp_path).close()
    assert disk.is_name_kept(tmp_path / DATABASE)


def test_files_of_the_creation_are_durably_removed_before_the_record_has_its_name(
    tmp_path: Path,
) -> None:
    (tmp_path / f".{DATABASE}.killed-wal").touch()
    with watched() as disk:
        Record.make(tmp_path).close()
    named = disk.steps.index(f"rename {DATABASE}")
    removed = [i for i, step in enumerate(disk.steps) if step.startswith(f"unlink .{DATABASE}.")]
    assert removed
    assert max(removed) < disk.steps.index(f"sync {tmp_path.name}") < named


def test_a_record_is_created_under_its_lock(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads, locks.held(tmp_path / "lock"):
        made = threads.submit(Record.make, tmp_path)
        with pytest.raises(TimeoutError):
            made.result(timeout=0.3)
        assert not (tmp_path / DATABASE).exists()
    assert made.result(timeout=30).last() is None


def test_concurrent_threads_commit_each_request_once(record: Record) -> None:
    def commit(number: int) -> None:
        for n in range(20):
            record.commit([draft(f"r{number}-{n}")])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(commit, range(4)))
    assert [it.seq for it in record.entries()] == list(range(1, 81))


def make_and_commit(folder: Path, number: int) -> str:
    record = Record.make(folder)
    record.keep_mission(MISSION)
    record.commit([draft(f"r{number}")])
    return record.id


def test_processes_that_create_a_record_at_once_share_it(tmp_path: Path) -> None:
    places = [tmp_path / str(n) for n in range(5)]
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        for place in places:
            place.mkdir()
            made = pool.starmap(make_and_commit, [(place, n) for n in range(4)], chunksize=1)
            assert len(set(made)) == 1
            assert len(list(Record(place).entries())) == 4


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entry SET log = replace(log, 'r2', 'r9') WHERE position = 2",
        "UPDATE entry SET published = replace(published, 'secret', 'lie') WHERE position = 2",
        "UPDATE entry SET head = zeroblob(32) WHERE position = 2",
        "UPDATE entry SET salt = zeroblob(16) WHERE position = 2",
    ],
)
def test_a_changed_entry_is_reported(record: Record, tmp_path: Path, change: str) -> None:
    record.commit([draft("r1"), draft("r2"), draft("r3")])
    assert record.faults() == []
    record.close()
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        connection.execute(change)
    assert record.faults() == [f"{tmp_path / DATABASE}: entry 2 is not what was committed"]


def test_a_removed_entry_is_reported(record: Record, tmp_path: Path) -> None:
    record.commit([draft("r1"), draft("r2"), draft("r3")])
    record.close()
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        connection.execute("DELETE FROM request WHERE position = 2")
        connection.execute("DELETE FROM entry WHERE position = 2")
    assert record.faults() == [
        f"{tmp_path / DATABASE}: entry 2 was removed, or entry 3 is not what was committed"
    ]


@pytest.mark.parametrize(
    "line", [b"[1]", b"half", b'{"a":"\xff"}', b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"]
)
def test_a_line_that_is_not_a_json_object_is_not_committed(record: Record, line: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON object|nested|Expecting|decode"):
        record.commit([draft("r1"), Draft(at=AT, kind="event", mission=1, log=line + b"\n")])
    assert list(record.entries()) == []


def test_mission_names_with_lone_surrogates_are_kept_and_found(record: Record) -> None:
    strange = KnownMission(mission_id="\ud800", folder="a\udc80b", branch="\udcff")
    assert record.keep_mission(strange).number == 2
    assert [it.number for it in record.missions("\ud800", folder="none")] == [2]
    assert [it.number for it in record.missions(None, folder="a\udc80b")] == [2]
    assert record.missions("\ud801", folder="\ud801") == []
    assert record.newest("a\udc80b") == 0


def test_reads_at_one_moment_see_one_snapshot(record: Record, tmp_path: Path) -> None:
    other = Record(tmp_path)
    record.commit([draft("E1")])
    with record.at_one_moment():
        before = record.last()
        other.commit([draft("E2")])
        with record.at_one_moment():
            assert record.last() == before
        with pytest.raises(StorageFailed, match="being read"):
            record.remember("name", "value")
        assert [*record.entries()] == [before]
    assert len([*record.entries()]) == 2
    assert record.remembered("name") is None
