"""Tests of snapshots, and of checking a foreign database before it is used."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from specify_cli.storage import record_copies
from specify_cli.storage.record import Record
from specify_cli.storage.record_database import DATABASE


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "copy.db"
    path.touch()
    record = Record.make(tmp_path)
    with record.at_one_moment() as connection:
        record_copies.write_snapshot(connection, path)
    record.close()
    return path


def test_a_snapshot_has_the_schema_of_a_record(copy: Path) -> None:
    assert record_copies.foreign_schema(copy) == ""
    assert [it.name for it in copy.parent.glob("copy*")] == [copy.name]
    assert (copy.parent / DATABASE).exists()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM request; END",
        "CREATE VIEW v AS SELECT * FROM meta",
        "DROP TABLE intent",
        "PRAGMA user_version = 7",
    ],
)
def test_a_foreign_schema_is_reported(copy: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        connection.execute(statement)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert record_copies.foreign_schema(copy)


def test_a_file_that_is_not_a_database_is_reported(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x" * 5000)
    assert "damaged" in record_copies.foreign_schema(tmp_path / "x")
