"""Redactions of the record, and searches for text in it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from specify_cli.protocol import PRIVATE_ANSWERS
from specify_cli.storage import record_rows
from specify_cli.storage.record_entries import Entry

_FIND: Final = (
    f"SELECT {record_rows.READ} FROM {record_rows.FROM}"  # noqa: S608
    f" WHERE instr(log, :it) OR instr({record_rows.LINE}, :it) ORDER BY position"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """The content of a redaction entry.

    `about` is the event or request. `entries` has, by the position of each redacted entry, the
    digests of its lines before redaction, by the present ones. `lines` has redacted published lines
    of reads by `seq`: the record may have pruned them, and files may still have them.
    """

    at: str
    actor: str
    reason: str
    about: str
    entries: dict[int, dict[str, str]]
    lines: dict[int, bytes] = field(default_factory=dict)

    def line(self) -> bytes:
        """Return the log line of the entry."""
        said = {
            "at": self.at,
            "actor": self.actor,
            "reason": self.reason,
            "about": self.about,
            "entries": [[position, [*it.items()]] for position, it in self.entries.items()],
            "lines": [[seq, line.decode("ascii")] for seq, line in self.lines.items()],
        }
        return json.dumps(said, separators=(",", ":")).encode("ascii") + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Redaction:
        """Parse the result of `line`."""
        said: dict[str, Any] = json.loads(line)
        entries = {position: dict(lines) for position, lines in said.pop("entries")}
        lines = {seq: text.encode("ascii") for seq, text in said.pop("lines")}
        return cls(**said, entries=entries, lines=lines)


def all_in(connection: sqlite3.Connection) -> Iterator[Redaction]:
    """Yield each redaction, oldest first."""
    # The index needs this literal.
    query = "SELECT CAST(log AS BLOB) FROM entry WHERE kind = 'redaction' ORDER BY position"
    for row in connection.execute(query).fetchall():
        yield Redaction.read(row[0])


def original_digests(connection: sqlite3.Connection) -> dict[int, dict[str, str]]:
    """Return, by position, the original digest of each redacted line by its present one."""
    found: dict[int, dict[str, str]] = {}
    for redaction in all_in(connection):
        for position, lines in redaction.entries.items():
            known = found.setdefault(position, {})
            known.update({now: known.get(before, before) for now, before in lines.items()})
    return found


def forms_of(text: str) -> set[bytes]:
    """Return the bytes of the text, plain and escaped as JSON."""
    plain = text.encode("utf-8", "surrogatepass")
    escaped = (json.dumps(text, ensure_ascii=it)[1:-1] for it in (True, False))
    return {plain, *(it.encode("utf-8", "surrogatepass") for it in escaped)}


def entries_with(connection: sqlite3.Connection, text: str) -> list[Entry]:
    """Return the entries whose lines contain the text."""
    rows: dict[int, Entry] = {}
    for form in forms_of(text):
        for row in connection.execute(_FIND, {"it": form}).fetchall():
            entry = record_rows.entry_in(row)
            rows[entry.position] = entry
    return [rows[position] for position in sorted(rows)]


def has_answer_with(connection: sqlite3.Connection, text: str) -> bool:
    """Return whether the private fields of an answer contain the text."""
    query = "SELECT 1 FROM entry JOIN content ON number = answer WHERE instr(data, ?) LIMIT 1"
    return any(connection.execute(query, (form,)).fetchone() for form in forms_of(text))


def private_reads(connection: sqlite3.Connection) -> list[bytes]:
    """Return the published lines of reads whose answers may have private fields."""
    query = (
        f"SELECT {record_rows.LINE} FROM {record_rows.FROM}"  # noqa: S608
        " WHERE content IS NOT NULL AND instr(published, ?) ORDER BY position"
    )
    names = [f'"command":"orchestrator-api.{it}"'.encode() for it in PRIVATE_ANSWERS]
    return [bytes(row[0]) for it in names for row in connection.execute(query, (it,)).fetchall()]


def scrub(connection: sqlite3.Connection) -> None:
    """Empty the write-ahead log into the database.

    Raises:
        sqlite3.OperationalError: another process reads the record.
    """
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise sqlite3.OperationalError(
            "another process reads the record, so that its write-ahead log keeps old text"
        )


def finish(connection: sqlite3.Connection) -> None:
    """Note that the redaction is complete."""
    connection.execute("DELETE FROM meta WHERE name = 'redacting'")
