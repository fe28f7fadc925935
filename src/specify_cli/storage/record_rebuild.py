"""Compare the stored states of missions with the entries, and fold them again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress

from specify_cli.errors import StateUnreadable
from specify_cli.storage import record_folds, record_states
from specify_cli.storage.record import Record
from specify_cli.storage.record_folds import NotFolded


def differences(record: Record) -> Iterator[str]:
    """Describe how the stored states of each mission differ from its entries.

    Raises:
        StateUnreadable, StorageFailed: as `Record.find`.
    """
    with record.at_one_moment() as connection:
        for mission, folder in _missions(connection):
            if what := record_states.difference(connection, mission):
                yield f"{folder}: {what}"


def rebuild(record: Record) -> None:
    """Fold the states of all missions again, in one transaction.

    Raises:
        StateUnreadable, StorageFailed: as `Record.commit`.
    """
    with record.writing() as connection:
        for mission, _ in _missions(connection):
            record_states.forget(connection, mission)
            # A log that cannot be folded is read from its entries.
            with suppress(NotFolded, StateUnreadable):
                fold = record_folds.folded(connection, mission, record_folds.Fold)
                record_states.keep(connection, mission, fold)


def _missions(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    return connection.execute("SELECT number, folder FROM mission ORDER BY number").fetchall()
