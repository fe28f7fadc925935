"""Snapshots of the record for backups, and the check of a database that came from elsewhere."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

from specify_cli import progress
from specify_cli.storage import record_schema

_PAGES: Final = 1_000
"""Pages copied between two reports of progress."""

_SCHEMA: Final = "SELECT type, name, tbl_name, sql FROM sqlite_master"


def write_snapshot(source: sqlite3.Connection, path: Path) -> None:
    """Copy the database to the empty file `path` as the open read transaction of `source` sees it.

    Source: SQLite, "Online Backup API".

    Raises:
        sqlite3.Error: the disk failed.
    """
    with contextlib.closing(sqlite3.connect(path)) as target:
        # A killed process leaves no file beside the copy.
        target.execute("PRAGMA journal_mode = OFF")
        source.backup(
            target,
            pages=_PAGES,
            progress=lambda _, left, total: progress.report(
                total - left, total, "copying the record"
            ),
        )


def foreign_schema(path: Path) -> str:
    """Describe what makes the file at `path` not a record: its format, or tables and triggers of others.

    The schema of a database can contain code, so it is compared before anything else is read.

    Returns:
        One description; "" if it is a record of this format.
    """
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        ) as it:
            it.execute("PRAGMA trusted_schema = OFF")
            found = it.execute("PRAGMA user_version").fetchone()[0]
            if found != record_schema.FORMAT:
                return (
                    f"its record has format {found}, and this version reads {record_schema.FORMAT}"
                )
            schema = set(it.execute(_SCHEMA).fetchmany(1_000))
    except sqlite3.Error as error:
        return f"its record is damaged: {error}"
    return "" if schema == record_schema.expected_schema() else "its record has other tables"
