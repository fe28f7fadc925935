"""The rows of the record: what a draft becomes, and how it is read again."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from specify_cli.storage.record_entries import (
    ADOPTED,
    PLANNED,
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

LINE: Final = (
    "CAST(CASE WHEN content IS NULL THEN published"
    " ELSE substr(published, 1, content_at) || data || substr(published, content_at + 1) END AS BLOB)"
)
"""The published line, whole; text that somebody else put in place of bytes is read as bytes."""

FROM: Final = "entry LEFT JOIN content ON number = content"
"""Where `READ` and `LINE` are read from."""

READ: Final = (
    _COLUMNS.replace("published, log", f"{LINE}, CAST(log AS BLOB)") + ", content IS NOT NULL"
)
"""The columns of an entry."""


def entry_in(row: Sequence[object]) -> Entry:
    """The entry in a row of `READ`."""
    *values, is_read = row
    columns = dict(zip(_COLUMNS.split(", "), values, strict=True))
    return Entry(**columns, is_read=bool(is_read))  # type: ignore[arg-type]


def last(connection: sqlite3.Connection) -> Entry | None:
    """The newest entry; None where there is none."""
    query = f"SELECT {READ} FROM {FROM} ORDER BY position DESC LIMIT 1"  # noqa: S608
    row = connection.execute(query).fetchone()
    return None if row is None else entry_in(row)


def last_published(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """The `seq` of the newest published line, and the line; 0 and nothing where there is none."""
    query = f"SELECT seq, {LINE} FROM {FROM} WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1"  # noqa: S608
    row = connection.execute(query).fetchone()
    return (0, b"") if row is None else (row[0], bytes(row[1]))


def find(connection: sqlite3.Connection, asked: Mapping[str, str | None]) -> bytes | None:
    """The published line of the first request of that `id` in that `scope`; where `digest` is not None, of that."""
    query = (
        f"SELECT {LINE} FROM request JOIN entry USING (position) LEFT JOIN content ON number = content"  # noqa: S608
        " WHERE scope = :scope AND id = :id AND (:digest IS NULL OR request.digest = :digest) ORDER BY position LIMIT 1"
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
        salt=b"" if draft.content is not None else os.urandom(_SALT_BYTES),
        head=b"",
        is_read=draft.content is not None,
    )
    return entry._replace(head=head_of(before.head if before else NOTHING_BEFORE, entry))


def head_of(before: bytes, entry: Entry, was: Mapping[str, str] | None = None) -> bytes:
    """The head over the entry and everything before it, whose head was `before`; `was` as there.

    What may be pruned is not in it: the line behind it names it by its digest, and is.
    """
    if entry.is_read:
        return before
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
    """The entry, and the request that it answers, are in the transaction.

    Raises:
        AlreadyAsked: the request was answered already.
        Overtaken: somebody else changed the mission after it was decided on.
    """
    if draft.behind is not None:
        _require_newest(connection, draft)
    _insert_entry(connection, entry, draft.content)
    if draft.kind == PLANNED:
        connection.execute(
            "UPDATE mission SET plan = ? WHERE number = ?", (draft.log, draft.mission)
        )
    asked = draft.asked
    if asked is not None:
        # Of the very same request one counts.
        order = _ASK_ANEW if asked.is_new else _ASK
        row = (asked.scope, asked.id, asked.digest, entry.position)
        if not connection.execute(order, row).rowcount and entry.kind != ADOPTED:
            raise AlreadyAsked(asked)
    if draft.replaces:
        for position, (published, log) in draft.replaces.items():
            _replace(connection, position, published=published, log=log)
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('redacting', ?)", (entry.at,))
    if draft.also is not None:
        draft.also(connection)


def _require_newest(connection: sqlite3.Connection, draft: Draft) -> None:
    query = "SELECT max(position) FROM entry WHERE mission = ?"
    if (connection.execute(query, (draft.mission,)).fetchone()[0] or 0) != draft.behind:
        raise Overtaken(
            "somebody else changed the mission meanwhile; nothing was changed: ask again"
        )


def note(connection: sqlite3.Connection, name: str, number: int) -> None:
    """The number is noted under that name."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, number))


def _insert_entry(connection: sqlite3.Connection, entry: Entry, content: bytes | None) -> None:
    columns = {name: getattr(entry, name) for name in _COLUMNS.split(", ")}
    if content is not None:
        line = entry.published or b""
        place = line.find(content)
        if place < 0:
            place, content = 0, b""
        columns["published"] = line[:place] + line[place + len(content) :]
        columns["content"], columns["content_at"] = _content(connection, content), place
    marks = ", ".join("?" * len(columns))
    order = f"INSERT INTO entry ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
    connection.execute(order, [*columns.values()])


def _replace(
    connection: sqlite3.Connection, position: int, *, published: bytes | None, log: bytes
) -> None:
    """The entry has these lines; of a read, its line stands there whole, and nobody shares it."""
    query = "SELECT content FROM entry WHERE position = ?"
    (shared,) = connection.execute(query, (position,)).fetchone()
    empty = None if shared is None else _content(connection, b"")
    order = (
        "UPDATE entry SET published = ?, log = ?, content = ?, content_at = 0 WHERE position = ?"
    )
    connection.execute(order, (published, log, empty, position))
    order = "DELETE FROM content WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM entry WHERE content = ?1)"
    connection.execute(order, (shared,))


def _content(connection: sqlite3.Connection, data: bytes) -> int:
    """The number of that content, which is there once."""
    digest = hashlib.sha256(data).digest()
    query = "SELECT number FROM content WHERE digest = ?"
    found = connection.execute(query, (digest,)).fetchone()
    if found is not None:
        return int(found[0])
    order = "INSERT INTO content (digest, data) VALUES (?, ?)"
    return connection.execute(order, (digest, data)).lastrowid or 0
