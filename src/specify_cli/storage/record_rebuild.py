"""Whether the states that the record keeps are what its entries come to, and how they are made again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress

from specify_cli.errors import StateUnreadable
from specify_cli.storage import record_states
from specify_cli.storage.record import Record
from specify_cli.storage.record_states import NotFolded


def differences(record: Record) -> Iterator[str]:
    """What is wrong with what is kept of each mission, in words. Raises: as `Record.find`."""
    with record.at_one_moment() as connection:
        for mission, folder in _missions(connection):
            if what := record_states.difference(connection, mission):
                yield f"{folder}: {what}"


def rebuild(record: Record) -> None:
    """The states of all missions are folded again from their entries; nobody commits meanwhile. Raises: as `Record.commit`."""
    with record.writing() as connection:
        for mission, _ in _missions(connection):
            record_states.forget(connection, mission)
            # What cannot be folded is read from the entries.
            with suppress(NotFolded, StateUnreadable):
                record_states.keep(connection, mission, record_states.folded(connection, mission))


def _missions(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    return connection.execute("SELECT number, folder FROM mission ORDER BY number").fetchall()
