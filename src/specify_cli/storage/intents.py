"""What requests are about to do outside the record, written into it first, so that a killed one is completed.

An intent is there until its request is answered: the transaction that has the answer takes it out.
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
"""Source: machine-id(5). Where there is none, a copy is told by its folder alone."""

Rows: TypeAlias = Callable[[sqlite3.Connection], None]
"""What is changed in a transaction of the record."""

_COLUMNS: Final = "scope, id, digest, kind, mission, at, what, call, machine, inode"
_KEY: Final = "scope = ? AND id = ? AND digest = ?"


class Intent(NamedTuple):
    """What one request is about to do.

    Attributes:
        scope: Of its id.
        id: Its correlation id.
        digest: The fingerprint of what it asked.
        kind: What it does.
        what: Whatever completes it; JSON can carry it.
        call: The request, as it is asked again on behalf of a caller that was killed.
        mission: The number of the mission that it changes.
        at: When it was written down.
        is_here: Not written down on another machine, nor in a folder that this one is a copy of.
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
        """Whether one of these is in what is to be done, or in the request, as it is or in the JSON of a line."""
        said = (it.encode("utf-8", "surrogatepass") for it in _texts([self.what, self.call]))
        return any(form in it for it in said for form in forms)


class Intents:
    """The intents in a record."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def keep(self, intent: Intent) -> None:
        """It is durably there, in the place of one that the same request had. Raises: StorageFailed, StateUnreadable."""
        with self._record.writing() as connection:
            self.keeping(intent)(connection)

    def drop(self, intent: Intent) -> None:
        """It is settled. Raises: as `keep`."""
        with self._record.writing() as connection:
            self.dropping(intent)(connection)

    def keeping(self, intent: Intent) -> Rows:
        """The same as `keep`, as part of a transaction."""
        return partial(_insert, intent, _here(self._record))

    @staticmethod
    def dropping(intent: Intent) -> Rows:
        """The same as `drop`, as part of a transaction."""
        return partial(_delete, intent)

    def all(self) -> list[Intent]:
        """Every intent, the oldest first. Raises: as `keep`."""
        query = f"SELECT {_COLUMNS} FROM intent ORDER BY at, id"  # noqa: S608
        with self._record.reading() as connection:
            rows = connection.execute(query).fetchall()
        here = _here(self._record) if rows else None
        return [_intent_in(row, here=here) for row in rows]

    def of(self, asked_id: str, scope: str) -> list[Intent]:
        """Those of the requests of that id. Raises: as `keep`."""
        return [it for it in self.all() if (it.id, it.scope) == (asked_id, scope)]

    def take_over(self) -> None:
        """Those that were copied here are this host's to complete. Raises: as `keep`."""
        with self._record.writing() as connection:
            connection.execute("UPDATE intent SET machine = ?, inode = ?", _here(self._record))

    def follow(self, inode: int) -> None:
        """Those of the folder with that inode are of the one that it was moved to. Raises: as `keep`."""
        machine, now = _here(self._record)
        with self._record.writing() as connection:
            told = (now, machine, inode)
            connection.execute("UPDATE intent SET inode = ? WHERE machine = ? AND inode = ?", told)


def _texts(said: Any) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, Mapping):
        yield from _texts([*said, *said.values()])
    elif isinstance(said, list | tuple):
        for it in said:
            yield from _texts(it)


def _here(record: Record) -> tuple[str, int]:
    """What is another one where the record was copied to.

    The number of its device is not part of it: that may be another one after a restart.
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
    # As ASCII: SQLite takes no lone surrogate, which a path may have in its text.
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
