"""Tests of the index of the journal: it follows the record, and is rebuilt where it does not match."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.storage import journal_index_file, journal_queries, record_retention, records
from specify_cli.storage.journal import Journal
from specify_cli.storage.journal_index import JournalIndex
from specify_cli.storage.journal_queries import LineFilter
from specify_cli.storage.journal_stats import COUNTED, PERIOD, REFUSED, TIMED, stats
from specify_cli.storage.layout import Layout
from specify_cli.storage.project import Project
from specify_cli.storage.record_folder import make_record_folder
from specify_cli.workflow.upkeep import Indexing
from tests.records import forget

AT = "2026-01-01T00:00:00.000000+00:00"
DONE = "2026-01-01T00:00:00.250000+00:00"


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A project without lines."""
    made = Layout(tmp_path)
    made.outbox.mkdir(parents=True)
    make_record_folder(made)
    yield made
    if (record := records.found(made)) is not None:
        record.close()


def add(layout: Layout, *names: str, **also: Any) -> None:
    for name in names:
        code = also.get("code")
        data = {"mission_slug": "001-search", **also.get("data", {})}
        line = {
            "correlation_id": name,
            "at": AT,
            "door": "mailbox",
            "identity": "night",
            "actor": "ada",
            "digest": f"sha256:{name}",
            "command": "orchestrator-api.transition",
            "args": {"mission": "1", "wp": "WP01", "to": "for_review"},
            "envelope": {"error_code": code, "timestamp": DONE, "data": data},
            "event_ids": [f"E-{name}"],
            "commits": [],
            "dead_letter": None,
        }
        Journal(layout).append(line | also.get("line", {}))


def ids(index: JournalIndex, **wanted: Any) -> list[str]:
    found = index.read(lambda it: journal_queries.last(it, LineFilter(**wanted), 100))
    return [line.id for line in found]


def test_the_index_has_all_columns_of_a_line(layout: Layout) -> None:
    add(layout, "one", data={"from_lane": "in_progress", "to_lane": "for_review"})
    index = JournalIndex(layout)
    (line,) = index.read(lambda it: journal_queries.last(it, LineFilter(), 1))
    assert (line.seq, line.id, line.orchestrator, line.actor) == (1, "one", "night", "ada")
    assert (line.command, line.mission, line.wp) == ("transition", "001-search", "WP01")
    assert (line.from_lane, line.to_lane, line.code) == ("in_progress", "for_review", None)
    assert line.took_us == 250_000
    assert index.read(lambda it: journal_queries.with_event(it, "E-o", 2)) == [line]
    assert index.read(lambda it: journal_queries.with_id(it, "on", 2)) == [line]
    index.close()


@pytest.mark.parametrize("name", ["A" * 300, "ada \udcff", "ada\0"])
def test_names_that_are_long_or_not_valid_utf8_are_found(layout: Layout, name: str) -> None:
    add(layout, "one", line={"actor": name})
    add(layout, "two")
    index = JournalIndex(layout)
    assert ids(index, actor=name) == ["one"]
    assert index.read(lambda it: journal_queries.with_id(it, name, 9)) == []
    assert index.read(lambda it: journal_queries.with_event(it, name, 9)) == []
    index.close()


def test_an_update_adds_only_new_lines(layout: Layout) -> None:
    add(layout, "one", "two")
    first, second = JournalIndex(layout), JournalIndex(layout)
    assert first.update()
    with sqlite3.connect(journal_index_file.path_of(layout)) as connection:
        connection.execute("UPDATE line SET actor = 'indexed before' WHERE seq = 1")
    connection.close()
    add(layout, "three", code="USAGE_ERROR")
    assert ids(second) == ["one", "two", "three"]
    assert ids(first, failed=True) == ["three"]
    assert ids(first, actor="indexed before") == ["one"]
    first.close()
    second.close()


@pytest.mark.parametrize(
    "damage", ["removed", "emptied", "overwritten", "marked", "a folder", "unwritable"]
)
def test_a_damaged_index_is_rebuilt_or_replaced_in_memory(layout: Layout, damage: str) -> None:
    add(layout, "one", "two")
    index = JournalIndex(layout)
    assert ids(index) == ["one", "two"]
    path = journal_index_file.path_of(layout)
    if damage != "removed":
        index.close()
    match damage:
        case "overwritten":
            path.write_bytes(b"no database" * 5_000)
        case "emptied":
            path.write_bytes(b"")
        case "marked":
            with sqlite3.connect(path) as connection:
                connection.execute("UPDATE mark SET value = 'x' WHERE name = 'seq'")
            connection.close()
        case "a folder":
            path.unlink()
            path.mkdir()
        case "unwritable":
            shutil.rmtree(layout.cache)
            layout.cache.write_text("no folder")
        case _:
            journal_index_file.remove(layout)
    add(layout, "three")
    assert ids(index) == ["one", "two", "three"]
    assert path.is_file() == (damage not in {"a folder", "unwritable"})
    index.close()


@pytest.mark.parametrize("version", [0, journal_index_file.FORMAT])
def test_a_link_to_a_database_of_another_program_is_replaced(layout: Layout, version: int) -> None:
    """Another user of a shared repository may put a link in its place."""
    other = layout.root / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE important (value)")
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    former = other.read_bytes()
    path = journal_index_file.path_of(layout)
    path.parent.mkdir(parents=True)
    add(layout, "a")
    for make in (path.symlink_to, path.hardlink_to):
        make(other)
        index = JournalIndex(layout)
        assert ids(index) == ["a"]
        index.close()
        assert (other.read_bytes(), path.is_symlink()) == (former, False)
        journal_index_file.remove(layout)
    path.symlink_to(layout.root / "new.db")
    assert ids(JournalIndex(layout)) == ["a"]
    assert not (layout.root / "new.db").exists()


def test_an_older_record_makes_the_index_start_over(layout: Layout, tmp_path: Path) -> None:
    add(layout, "one")
    record = records.made(layout)
    record.close()
    copy = tmp_path / "backup.db"
    shutil.copy(record.path, copy)
    add(layout, "two", "three")
    index = JournalIndex(layout)
    assert ids(index) == ["one", "two", "three"]
    record.close()
    forget(layout.root)
    copy.replace(record.path)
    # The published journal continues the record: its lines count until they are taken in.
    assert ids(index) == ["one", "two", "three"]
    layout.journal.unlink()
    add(layout, "other", "lines", "behind")
    assert ids(index) == ["one", "other", "lines", "behind"]
    assert ids(JournalIndex(layout)) == ["one", "other", "lines", "behind"]
    index.close()


def test_published_lines_are_indexed_if_there_is_no_record(layout: Layout) -> None:
    add(layout, "one", "two")
    records.made(layout).close()
    forget(layout.root)
    with layout.journal.open("ab") as journal:
        journal.write(b'{"seq":3,"correlation_id":"damaged","at":\n')
    index = JournalIndex(layout)
    assert ids(index) == ["one", "two"]
    index.close()


@pytest.mark.parametrize(
    "wanted",
    [
        {"mission": "001-search"},
        {"mission": "001-search", "wp": "WP01"},
        {"wp": "WP01"},
        {"actor": "ada"},
        {"orchestrator": "night"},
        {"command": "transition"},
        {"code": "USAGE_ERROR"},
        {"failed": True},
        {"since": 1},
        {"until": 1},
        {"mission": "001-search", "since": 1, "until": 2},
        {},
    ],
    ids=str,
)
@pytest.mark.parametrize("descending", [True, False])
def test_a_filter_uses_an_index_and_sorts_nothing(wanted: dict[str, Any], descending: bool) -> None:
    connection = journal_index_file.connect(journal_index_file.IN_MEMORY)
    query, values = journal_queries.statement(
        connection, LineFilter(**wanted), descending=descending
    )
    plan = [
        row[3]
        for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", (*values, 10)).fetchall()
    ]
    assert len(plan) == 1
    by = set(wanted) - {"since", "until"}
    assert plan[0].startswith("SEARCH line USING"), plan
    assert ("INTEGER PRIMARY KEY" in plan[0]) == (not by), plan
    connection.close()


@pytest.mark.parametrize(
    "query",
    [
        *(it.format(name) for it in (COUNTED, REFUSED) for name in ("command", "orchestrator")),
        REFUSED.format("code"),
        f"SELECT took_us {TIMED} ORDER BY took_us LIMIT 1 OFFSET 5",
        PERIOD,
    ],
)
def test_counts_read_an_index_and_not_the_lines(query: str) -> None:
    connection = journal_index_file.connect(journal_index_file.IN_MEMORY)
    values = [1] * query.count("?")
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()]
    assert " USING " in plan[0], plan
    assert "COVERING INDEX" in plan[0] or "line_failed" in plan[0], plan
    assert not any("ORDER BY" in it for it in plan), plan
    connection.close()


def test_stats_count_the_requested_period(layout: Layout) -> None:
    for number in range(100):
        at = f"2026-01-01T00:00:{number % 60:02}.000000+00:00"
        done = f"2026-01-01T00:00:{number % 60:02}.{number:03}000+00:00"
        envelope = {"error_code": "USAGE_ERROR" if number % 10 == 0 else None, "timestamp": done}
        said = {"at": at, "envelope": envelope, "identity": f"night-{number % 2}"}
        add(layout, f"r{number}", line=said)
    add(layout, "later", line={"at": "2026-01-02T00:00:00Z"})
    index = JournalIndex(layout)
    found = index.read(lambda it: stats(it, LineFilter(until=1767225660000000), most_periods=6))
    assert (found.requests, found.refused, found.codes) == (100, 10, [("USAGE_ERROR", 10)])
    (command,), (times,) = found.commands, found.durations
    assert (command.name, command.requests, command.refused) == ("transition", 100, 10)
    assert times is not None
    assert (times.percentiles, times.longest) == ((49_000, 94_000, 98_000), 99_000)
    assert [(it.name, it.requests) for it in found.orchestrators] == [
        ("night-0", 50),
        ("night-1", 50),
    ]
    assert [it.requests for it in found.periods] == [20, 20, 20, 20, 10, 10]
    index.close()


def test_pruned_reads_stay_in_the_index(layout: Layout) -> None:
    add(layout, "change")
    for name in ("read-1", "read-2"):
        add(layout, name, line={"command": "orchestrator-api.mission-state"})
    add(layout, "last")
    record = records.made(layout)
    count = record_retention.prune(record, 3, release=lambda it: it)
    assert count == 2
    index = JournalIndex(layout)
    assert ids(index) == ["change", "read-1", "read-2", "last"]
    assert [*index.lines([2, 4])] == [4, 2]
    index.close()


def test_a_worker_indexes_on_disk_and_never_in_memory(layout: Layout) -> None:
    add(layout, "one")
    indexing = Indexing(project=Project(layout.root))
    indexing.follow()
    assert indexing.indexed == 1
    connection = sqlite3.connect(journal_index_file.path_of(layout))
    assert journal_queries.newest(connection) == 1
    connection.close()
    shutil.rmtree(layout.cache)
    layout.cache.write_text("no folder")
    add(layout, "two")
    with pytest.raises(StorageFailed):
        indexing.follow()
