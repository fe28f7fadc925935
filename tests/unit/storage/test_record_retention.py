"""Tests of the answers of reads: they are stored once, read unchanged, and pruned by age and size."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from specify_cli import progress
from specify_cli.storage import published_line, record_heads, record_retention
from specify_cli.storage.journal import Journal
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from specify_cli.storage.record_retention import Asking, Rule
from specify_cli.storage.records import found
from tests.unit.storage.journals import by, journal_of

STATE = {"packages": [{"wp": f"WP{number:02}", "lane": "planned"} for number in range(20)]}
NEVER, ANY = "2020-01-01", "2030-01-01"
ALL_BYTES = 10**9


def read(correlation_id: str, *, at: str = "2026-01-01", data: Any = STATE) -> dict[str, Any]:
    """The line of an answered `mission-state`."""
    envelope = {"correlation_id": correlation_id, "error_code": None, "data": data, "ok": True}
    return by(
        "nightly",
        correlation_id,
        at=at,
        command="orchestrator-api.mission-state",
        envelope=envelope,
        dead_letter=None,
    )


def change(correlation_id: str, *, at: str = "2026-01-01") -> dict[str, Any]:
    """The line of an answered `transition`."""
    envelope = {"correlation_id": correlation_id, "error_code": None, "data": STATE}
    return by(
        "nightly",
        correlation_id,
        at=at,
        command="orchestrator-api.transition",
        envelope=envelope,
        dead_letter=None,
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return journal_of(tmp_path)


def record_of(root: Path) -> Record:
    record = found(Layout(root))
    assert record is not None
    return record


def all_of(asked: Collection[Asking]) -> Collection[Asking]:
    return asked


def contents(record: Record) -> int:
    with contextlib.closing(sqlite3.connect(record.path)) as connection:
        return int(connection.execute("SELECT count(*) FROM content").fetchone()[0])


def test_equal_answers_of_reads_are_stored_once_and_read_unchanged(
    journal: Journal, tmp_path: Path
) -> None:
    for name in ("one", "two", "three"):
        journal.append(read(name))
    record = record_of(tmp_path)
    assert contents(record) == 1
    lines = [line for _, line in record.published()]
    assert lines == Layout(tmp_path).journal.read_bytes().splitlines(keepends=True)
    assert [it.published for it in record.entries()] == lines
    assert record.find("two", "nightly") == lines[1] == record.published_line(2)
    assert record.last_published() == (3, lines[2])
    assert [published_line.parse(it)["envelope"]["data"] for it in lines] == [STATE] * 3
    assert journal.verify() == []


def test_the_answer_to_a_change_is_not_deduplicated(journal: Journal, tmp_path: Path) -> None:
    journal.append(change("one"))
    assert contents(record_of(tmp_path)) == 0
    assert not next(record_of(tmp_path).entries()).is_read


@pytest.mark.parametrize(
    "data",
    [None, {}, {"message": 'a "quoted" \\ text\n'}, {"n": [1.5, "\N{SNOWMAN}", "\ud800"]}],
)
def test_any_answer_is_read_unchanged(journal: Journal, tmp_path: Path, data: Any) -> None:
    line = journal.append(read("one", data=data))
    assert line["envelope"]["data"] == data
    assert record_of(tmp_path).published_line(1) == Layout(tmp_path).journal.read_bytes()


def test_prune_removes_old_reads_and_keeps_everything_else(
    journal: Journal, tmp_path: Path
) -> None:
    for number in range(5):
        journal.append(read(f"old{number}", at="2026-01-01"))
        journal.append(change(f"c{number}", at="2026-01-01"))
    journal.append(read("young", at="2026-03-01"))
    record = record_of(tmp_path)
    old = record_retention.old_reads(record, Rule(before="2026-02-01", max_bytes=ALL_BYTES))
    assert (old.count, old.by_age, old.by_size) == (5, 5, 0)
    assert record_retention.prune(record, old.until, release=all_of) == 5
    assert [published_line.parse(it)["correlation_id"] for _, it in record.published()] == [
        *(f"c{number}" for number in range(5)),
        "young",
    ]
    assert record.find("old1", "nightly") is None
    assert record.find("c1", "nightly") is not None
    assert record.faults() == []
    assert contents(record) == 1
    again = record_retention.old_reads(record, Rule(before="2026-02-01", max_bytes=ALL_BYTES))
    assert again.count == 0


def test_prune_removes_the_oldest_reads_above_the_size_limit(
    journal: Journal, tmp_path: Path
) -> None:
    for number in range(6):
        journal.append(read(f"r{number}", data={"text": f"{number}" * 1000}))
    record = record_of(tmp_path)
    old = record_retention.old_reads(record, Rule(before=NEVER, max_bytes=4500))
    assert old.by_age == 0
    assert 1500 < old.bytes < 7000
    assert 2 <= old.by_size <= 4
    record_retention.prune(record, old.until, release=all_of)
    assert record.find("r0", "nightly") is None
    assert record.find("r5", "nightly") is not None
    assert record.faults() == []


def test_prune_keeps_the_newest_line(journal: Journal, tmp_path: Path) -> None:
    journal.append(read("one"))
    journal.append(read("two"))
    record = record_of(tmp_path)
    old = record_retention.old_reads(record, Rule(before=ANY, max_bytes=0))
    assert old.count == 1
    record_retention.prune(record, old.until, release=all_of)
    assert journal.append(read("three"))["seq"] == 3
    assert record.faults() == []


def test_prune_keeps_a_read_that_is_not_released_yet(journal: Journal, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        journal.append(read(name))
    record = record_of(tmp_path)
    until = record_retention.old_reads(record, Rule(before=ANY, max_bytes=0)).until
    kept = Asking("nightly", "one")
    gone = record_retention.prune(record, until, release=lambda asked: set(asked) - {kept})
    assert gone == 1
    assert record.find("one", "nightly") is not None
    assert record_retention.prune(record, until, release=all_of) == 1
    assert record.find("one", "nightly") is None


def test_prune_does_not_change_the_head(journal: Journal, tmp_path: Path) -> None:
    journal.append(change("one"))
    journal.append(read("two"))
    record = record_of(tmp_path)
    head = record_heads.newest(record)
    assert head is not None
    journal.append(read("three"))
    until = record_retention.old_reads(record, Rule(before=ANY, max_bytes=0)).until
    record_retention.prune(record, until, release=all_of)
    assert record_heads.difference(record, head) == ""


@pytest.mark.parametrize(
    "order",
    [
        "UPDATE content SET data = replace(data, 'planned', 'done')",
        "UPDATE entry SET published = replace(published, 'two', 'tow') WHERE seq = 2",
        "UPDATE entry SET mission = 1 WHERE seq = 2",
        "UPDATE entry SET content = 1, content_at = 1 WHERE seq = 1",
        "DELETE FROM entry WHERE seq = 2",
    ],
)
def test_a_changed_or_removed_read_is_reported(
    journal: Journal, tmp_path: Path, order: str
) -> None:
    journal.append(change("one"))
    journal.append(read("two"))
    journal.append(change("three"))
    record = record_of(tmp_path)
    assert record.faults() == []
    with contextlib.closing(sqlite3.connect(record.path)) as connection:
        connection.execute(order)
        connection.commit()
    assert record.faults()


def test_prune_shrinks_the_file(journal: Journal, tmp_path: Path) -> None:
    for number in range(300):
        journal.append(read(f"r{number}", data={"text": f"{number} " * 1000}))
    record = record_of(tmp_path)
    until = record_retention.old_reads(record, Rule(before=ANY, max_bytes=0)).until
    seen: list[tuple[int, int, str]] = []
    with progress.observed(lambda *it: seen.append(it)):
        assert record_retention.prune(record, until, release=all_of) == 299
    assert seen[-1] == (until, until, "pruning answers of reads")
    record.close()
    assert record.path.stat().st_size < 300_000
