"""Intents: requests with effects outside the record, written before the first effect.

The transaction with the answer removes the intent. If a process is killed before that, the request
is completed from it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from specify_cli import clock
from specify_cli.storage.record import Record

MACHINE_ID: Final = Path("/etc/machine-id")
"""Source: machine-id(5). Without it, a copy is recognized by its folder alone."""

Rows: TypeAlias = Callable[[sqlite3.Connection], None]
"""A change of rows in a transaction of the record."""

_COLUMNS: Final = "scope, id, digest, kind, mission, at, what, call, machine, inode"
_KEY: Final = "scope = ? AND id = ? AND digest = ?"


class Intent(NamedTuple):
    """The effects that one request is about to have.

    Attributes:
        scope: The scope of its id.
        id: Its correlation id.
        digest: The fingerprint of its content.
        kind: The kind of effect.
        what: What completes it, as JSON values.
        call: The request, to repeat it for a caller that was killed.
        mission: The number of the mission that it changes.
        at: When it was written.
        is_here: Whether it was written on this machine and in this folder, not in one that this is
            a copy of.
    """

    scope: str
    id: str
    digest: str
    kind: str
    what: Mapping[str, Any]
    call: Mapping[str, Any] = MappingProxyType({})
    mission: int | None = None
    at: str = ""
    is_here: bool = True

    def has(self, forms: Collection[bytes]) -> bool:
        """Whether the effects or the request contain one of these texts."""
        said = (it.encode("utf-8", "surrogatepass") for it in _texts([self.what, self.call]))
        return any(form in it for it in said for form in forms)


class Intents:
    """The intents in a record."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def keep(self, intent: Intent) -> None:
        """Store the intent durably; it replaces one of the same request.

        Raises:
            StorageFailed: the disk fails.
            StateUnreadable: the record is damaged or has a newer format.
        """
        with self._record.writing() as connection:
            self.keeping(intent)(connection)

    def drop(self, intent: Intent) -> None:
        """Remove the intent.

        Raises:
            StateUnreadable, StorageFailed: as `keep`.
        """
        with self._record.writing() as connection:
            self.dropping(intent)(connection)

    def keeping(self, intent: Intent) -> Rows:
        """Return `keep` as part of a transaction."""
        return partial(_insert, intent, _here(self._record))

    @staticmethod
    def dropping(intent: Intent) -> Rows:
        """Return `drop` as part of a transaction."""
        return partial(_delete, intent)

    def all(self) -> list[Intent]:
        """Return every intent, oldest first.

        Raises:
            StateUnreadable, StorageFailed: as `keep`.
        """
        query = f"SELECT {_COLUMNS} FROM intent ORDER BY at, id"  # noqa: S608
        with self._record.reading() as connection:
            rows = connection.execute(query).fetchall()
        here = _here(self._record) if rows else None
        return [_intent_in(row, here=here) for row in rows]

    def of(self, asked_id: str, scope: str) -> list[Intent]:
        """Return the intents of the request with that id.

        Raises:
            StateUnreadable, StorageFailed: as `keep`.
        """
        return [it for it in self.all() if (it.id, it.scope) == (asked_id, scope)]

    def take_over(self) -> None:
        """Make intents that were copied here this host's own.

        Raises:
            StateUnreadable, StorageFailed: as `keep`.
        """
        with self._record.writing() as connection:
            connection.execute("UPDATE intent SET machine = ?, inode = ?", _here(self._record))

    def follow(self, inode: int) -> None:
        """Move intents of the folder with that inode to the present folder.

        Raises:
            StateUnreadable, StorageFailed: as `keep`.
        """
        machine, now = _here(self._record)
        with self._record.writing() as connection:
            values = (now, machine, inode)
            connection.execute(
                "UPDATE intent SET inode = ? WHERE machine = ? AND inode = ?", values
            )


def _texts(said: Any) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, Mapping):
        yield from _texts([*said, *said.values()])
    elif isinstance(said, list | tuple):
        for it in said:
            yield from _texts(it)


def _here(record: Record) -> tuple[str, int]:
    """Return the identity of this record's machine and folder, which a copy does not share.

    The device number is not part of it: it may change at a restart.
    """
    machine = ""
    with suppress(OSError):
        machine = MACHINE_ID.read_text().strip()
    return machine, record.path.parent.stat().st_ino


def _intent_in(row: tuple[Any, ...], *, here: tuple[str, int] | None) -> Intent:
    scope, asked_id, digest, kind, mission, at, what, call, machine, inode = row
    return Intent(
        scope=scope,
        id=asked_id,
        digest=digest,
        kind=kind,
        mission=mission,
        at=at,
        what=json.loads(what),
        call=json.loads(call),
        is_here=(machine, inode) == here,
    )


def _insert(intent: Intent, here: tuple[str, int], connection: sqlite3.Connection) -> None:
    # As ASCII: SQLite refuses lone surrogates, which a path may have.
    what, call = json.dumps(dict(intent.what)), json.dumps(dict(intent.call))
    values = (
        *(intent.scope, intent.id, intent.digest, intent.kind, intent.mission),
        *(intent.at or clock.timestamp(), what, call, *here),
    )
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT OR REPLACE INTO intent ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608


def _delete(intent: Intent, connection: sqlite3.Connection) -> None:
    key = (intent.scope, intent.id, intent.digest)
    connection.execute(f"DELETE FROM intent WHERE {_KEY}", key)  # noqa: S608
