"""The rows of the record: what a draft becomes, and how it is read again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from specify_cli.storage.record_entries import (
    ADOPTED,
    TAKEN_IN,
    AlreadyAsked,
    Draft,
    Entry,
    Overtaken,
)
from specify_cli.storage.record_proof import NOTHING_BEFORE, ProvedLines, head_after

_COLUMNS: Final = "position, at, kind, mission, place, seq, published, log, salt, head"
_SALT_BYTES: Final = 16
_ASK: Final = "INSERT INTO request VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_ASK_ANEW: Final = (
    "INSERT INTO request SELECT ?1, ?2, ?3, ?4"
    " WHERE NOT EXISTS (SELECT 1 FROM request WHERE scope = ?1 AND id = ?2)"
)

READ: Final = _COLUMNS.replace("published, log", "CAST(published AS BLOB), CAST(log AS BLOB)")
"""The columns as they are read; text that somebody else put in place of bytes is read as bytes."""


def entry_in(row: Sequence[object]) -> Entry:
    """The entry in a row of `READ`."""
    return Entry(**dict(zip(_COLUMNS.split(", "), row, strict=True)))  # type: ignore[arg-type]


def last(connection: sqlite3.Connection) -> Entry | None:
    """The newest entry; None where there is none."""
    query = f"SELECT {READ} FROM entry ORDER BY position DESC LIMIT 1"  # noqa: S608
    row = connection.execute(query).fetchone()
    return None if row is None else entry_in(row)


def last_published(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """The `seq` of the newest published line, and the line; 0 and nothing where there is none."""
    query = "SELECT seq, published FROM entry WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1"
    row = connection.execute(query).fetchone()
    return (0, b"") if row is None else (row[0], bytes(row[1]))


def find(connection: sqlite3.Connection, asked: Mapping[str, str | None]) -> bytes | None:
    """The published line of the first request of that `id` in that `scope`; where `digest` is not None, of that."""
    query = (
        "SELECT published FROM request JOIN entry USING (position)"
        " WHERE scope = :scope AND id = :id AND (:digest IS NULL OR digest = :digest) ORDER BY position LIMIT 1"
    )
    row = connection.execute(query, asked).fetchone()
    return None if row is None else bytes(row[0])


def entry_of(draft: Draft, *, before: Entry | None, seq: int, prev: str) -> Entry:
    """The draft in its place: behind `before`, and behind the published line `seq` with the digest `prev`."""
    own_seq = (draft.seq or seq + 1) if draft.published else None
    published = draft.published(own_seq, prev) if draft.published and own_seq else None
    entry = Entry(
        position=before.position + 1 if before else 1,
        at=draft.at,
        kind=draft.kind,
        mission=draft.mission,
        place=draft.place,
        seq=own_seq,
        published=published,
        log=draft.log,
        salt=os.urandom(_SALT_BYTES),
        head=b"",
    )
    return replace(entry, head=head_of(before.head if before else NOTHING_BEFORE, entry))


def head_of(before: bytes, entry: Entry, was: Mapping[str, str] | None = None) -> bytes:
    """The head over the entry and everything before it, whose head was `before`; `was` as there."""
    return head_after(
        before,
        about=(entry.at, entry.kind, entry.mission, entry.place),
        lines=lines_of(entry),
        was=was or {},
    )


def lines_of(entry: Entry) -> ProvedLines:
    """The lines of the entry as the head has them."""
    return ProvedLines(
        published=entry.published,
        log=entry.log,
        salt=entry.salt,
        is_ours=entry.kind != TAKEN_IN,
    )


def insert(connection: sqlite3.Connection, draft: Draft, entry: Entry) -> None:
    """The entry, the request that it answers, and the states that it leaves are in the transaction.

    Raises:
        AlreadyAsked: the request was answered already.
        Overtaken: somebody else changed the mission after it was decided on.
    """
    if draft.behind is not None:
        query = "SELECT max(position) FROM entry WHERE mission = ?"
        if (connection.execute(query, (draft.mission,)).fetchone()[0] or 0) != draft.behind:
            raise Overtaken(
                "somebody else changed the mission meanwhile; nothing was changed: ask again"
            )
    values = [getattr(entry, name) for name in _COLUMNS.split(", ")]
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO entry ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608
    asked = draft.asked
    if asked is not None:
        # Of the very same request one counts.
        order = _ASK_ANEW if asked.is_new else _ASK
        row = (asked.scope, asked.id, asked.digest, entry.position)
        if not connection.execute(order, row).rowcount and entry.kind != ADOPTED:
            raise AlreadyAsked(asked)
    if draft.replaces:
        order = "UPDATE entry SET published = ?, log = ? WHERE position = ?"
        lines = ((*it, position) for position, it in draft.replaces.items())
        connection.executemany(order, lines)
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('redacting', ?)", (entry.at,))
    if draft.packages:
        order = (
            "INSERT INTO package VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state"
        )
        connection.executemany(order, [(draft.mission, *it) for it in draft.packages.items()])
    if draft.also is not None:
        draft.also(connection)
