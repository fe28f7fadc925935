"""The rows of the record: insert drafts, and read entries."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from specify_cli.storage.record_entries import (
    ADOPTED,
    PLANNED,
    REDACTION,
    REQUEST,
    TAKEN_IN,
    AlreadyAsked,
    Draft,
    Entry,
    Overtaken,
)
from specify_cli.storage.record_proof import NOTHING_BEFORE, ProvedLines, head_after

_COLUMNS: Final = "position, at, kind, mission, place, seq, published, log, salt, head"
_NAMES: Final = tuple(_COLUMNS.split(", "))
_SALT_BYTES: Final = 16
_INSERT: Final = (
    f"INSERT INTO entry ({_COLUMNS}, content, content_at, answer) VALUES ({', '.join('?' * 13)})"  # noqa: S608
)
_ASK: Final = "INSERT INTO request VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_ASK_ANEW: Final = (
    "INSERT INTO request SELECT ?1, ?2, ?3, ?4"
    " WHERE NOT EXISTS (SELECT 1 FROM request WHERE scope = ?1 AND id = ?2)"
)

DROP_UNUSED: Final = (
    "DELETE FROM content WHERE number = ?1"
    " AND NOT EXISTS (SELECT 1 FROM entry WHERE content = ?1 OR answer = ?1)"
)
"""Deletes a content that no entry has."""

LINE: Final = (
    "CAST(CASE WHEN content IS NULL THEN published"
    " ELSE substr(published, 1, content_at) || data || substr(published, content_at + 1) END AS BLOB)"
)
"""The whole published line; text that another program stored in place of bytes is read as bytes."""

FROM: Final = "entry LEFT JOIN content ON number = content"
"""The tables of `READ` and `LINE`."""

READ: Final = (
    _COLUMNS.replace("published, log", f"{LINE}, CAST(log AS BLOB)") + ", content IS NOT NULL"
)
"""The columns of an entry."""


def entry_in(row: Sequence[object]) -> Entry:
    """Return the entry of a row of `READ`."""
    *values, is_read = row
    return Entry(**dict(zip(_NAMES, values, strict=True)), is_read=bool(is_read))  # type: ignore[arg-type]


def last(connection: sqlite3.Connection) -> Entry | None:
    """Return the newest entry; None if there is none."""
    query = f"SELECT {READ} FROM {FROM} ORDER BY position DESC LIMIT 1"  # noqa: S608
    row = connection.execute(query).fetchone()
    return None if row is None else entry_in(row)


def last_published(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Return the `seq` and bytes of the newest published line; 0 and b"" if there is none."""
    query = f"SELECT seq, {LINE} FROM {FROM} WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1"  # noqa: S608
    row = connection.execute(query).fetchone()
    return (0, b"") if row is None else (row[0], bytes(row[1]))


def find(connection: sqlite3.Connection, asked: Mapping[str, str | None]) -> bytes | None:
    """Return the published line of the first request with the `id`, `scope` and `digest`; None matches
    any digest. The line has the private fields of the answer.
    """
    query = (
        f"SELECT {LINE} FROM request JOIN entry USING (position)"  # noqa: S608
        " LEFT JOIN content ON number = COALESCE(answer, content)"
        " WHERE scope = :scope AND id = :id AND (:digest IS NULL OR request.digest = :digest) ORDER BY position LIMIT 1"
    )
    row = connection.execute(query, asked).fetchone()
    return None if row is None else bytes(row[0])


def entry_of(draft: Draft, *, before: Entry | None, seq: int, prev: str) -> Entry:
    """Return the entry of a draft after `before`, and after the published line `seq` with the digest `prev`."""
    own_seq = (draft.seq or seq + 1) if draft.published else None
    published = draft.published(own_seq, prev) if draft.published and own_seq else None
    head = before.head if before else NOTHING_BEFORE
    is_read, salt = draft.content is not None, b""
    if not is_read:
        salt = os.urandom(_SALT_BYTES)
        lines = ProvedLines(
            published=published,
            log=draft.log,
            salt=salt,
            is_ours=draft.kind != TAKEN_IN,
            is_fresh=draft.kind == REQUEST,
        )
        about = (draft.at, draft.kind, draft.mission, draft.place)
        head = head_after(head, about=about, lines=lines)
    return Entry(
        position=before.position + 1 if before else 1,
        at=draft.at,
        kind=draft.kind,
        mission=draft.mission,
        place=draft.place,
        seq=own_seq,
        published=published,
        log=draft.log,
        salt=salt,
        head=head,
        is_read=is_read,
    )


def head_of(before: bytes, entry: Entry, was: Mapping[str, str] | None = None) -> bytes:
    """Return the head after the entry; `before` is the head before it, `was` as for `head_after`.

    It does not cover entries that may be pruned: the next published line covers their digest.
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
    """Return the lines of the entry as the head covers them."""
    return ProvedLines(
        published=entry.published,
        log=entry.log,
        salt=entry.salt,
        is_ours=entry.kind != TAKEN_IN,
    )


def insert(connection: sqlite3.Connection, draft: Draft, entry: Entry) -> None:
    """Insert the entry and the request that it answers.

    Raises:
        AlreadyAsked: the request was answered already.
        Overtaken: another process changed the mission after the draft was decided.
    """
    if draft.behind is not None:
        _require_newest(connection, draft)
    _insert_entry(connection, entry, draft)
    if draft.kind == PLANNED:
        connection.execute(
            "UPDATE mission SET plan = ? WHERE number = ?", (draft.log, draft.mission)
        )
    asked = draft.asked
    if asked is not None:
        # Requests with equal content are stored once.
        order = _ASK_ANEW if asked.is_new else _ASK
        row = (asked.scope, asked.id, asked.digest, entry.position)
        if not connection.execute(order, row).rowcount and entry.kind != ADOPTED:
            raise AlreadyAsked(asked.id)
    if draft.kind == REDACTION:
        _redact(connection, draft)
    if draft.also is not None:
        draft.also(connection)


def _redact(connection: sqlite3.Connection, draft: Draft) -> None:
    for position, (published, log) in draft.replaces.items():
        _replace(connection, position, published=published, log=log)
    # Drop the private fields of all answers: what a redaction removes may be in any of them.
    query = "SELECT DISTINCT answer FROM entry WHERE answer IS NOT NULL"
    dropped = connection.execute(query).fetchall()
    connection.execute("UPDATE entry SET answer = NULL WHERE answer IS NOT NULL")
    connection.executemany(DROP_UNUSED, dropped)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('redacting', ?)", (draft.at,))


def _require_newest(connection: sqlite3.Connection, draft: Draft) -> None:
    query = "SELECT max(position) FROM entry WHERE mission = ?"
    if (connection.execute(query, (draft.mission,)).fetchone()[0] or 0) != draft.behind:
        raise Overtaken(
            "another process changed the mission meanwhile; nothing was changed: repeat the request"
        )


def note(connection: sqlite3.Connection, name: str, number: int) -> None:
    """Store a numeric note."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, number))


def _insert_entry(connection: sqlite3.Connection, entry: Entry, draft: Draft) -> None:
    line, number, place, content = entry.published, None, None, draft.content
    answer = None if draft.answer is None else _content(connection, draft.answer)
    if content is not None:
        line, place = line or b"", (line or b"").find(content)
        if place < 0:
            place, content = 0, b""
        line, number = line[:place] + line[place + len(content) :], _content(connection, content)
    connection.execute(
        _INSERT,
        (
            entry.position,
            entry.at,
            entry.kind,
            entry.mission,
            entry.place,
            entry.seq,
            line,
            entry.log,
            entry.salt,
            entry.head,
            number,
            place,
            answer,
        ),
    )


def _replace(
    connection: sqlite3.Connection, position: int, *, published: bytes | None, log: bytes
) -> None:
    """Replace the lines of the entry; a read has its whole line from now on, and shares no content."""
    query = "SELECT content FROM entry WHERE position = ?"
    (shared,) = connection.execute(query, (position,)).fetchone()
    empty = None if shared is None else _content(connection, b"")
    order = (
        "UPDATE entry SET published = ?, log = ?, content = ?, content_at = 0 WHERE position = ?"
    )
    connection.execute(order, (published, log, empty, position))
    connection.execute(DROP_UNUSED, (shared,))


def _content(connection: sqlite3.Connection, data: bytes) -> int:
    """Return the number of that content; store it if it is new."""
    digest = hashlib.sha256(data).digest()
    query = "SELECT number FROM content WHERE digest = ?"
    found = connection.execute(query, (digest,)).fetchone()
    if found is not None:
        return int(found[0])
    order = "INSERT INTO content (digest, data) VALUES (?, ?)"
    return connection.execute(order, (digest, data)).lastrowid or 0
