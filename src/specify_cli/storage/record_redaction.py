"""What the record knows of text that was taken out of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from specify_cli.storage import record_rows
from specify_cli.storage.record_entries import Entry

_FIND: Final = (
    f"SELECT {record_rows.READ} FROM {record_rows.FROM}"  # noqa: S608
    f" WHERE instr(log, :it) OR instr({record_rows.LINE}, :it) ORDER BY position"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """What an entry of the kind says.

    `about` is the event or request, `entries` the positions of what was redacted, with the digests of the lines that are
    proved by them: now, and before. `lines` are the published lines of reads, by number, as they are now: the record may
    have pruned them, and files have them still.
    """

    at: str
    actor: str
    reason: str
    about: str
    entries: dict[int, dict[str, str]]
    lines: dict[int, bytes] = field(default_factory=dict)

    def line(self) -> bytes:
        """What the entry has."""
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
        """What `line` has written."""
        said: dict[str, Any] = json.loads(line)
        entries = {position: dict(lines) for position, lines in said.pop("entries")}
        lines = {seq: text.encode("ascii") for seq, text in said.pop("lines")}
        return cls(**said, entries=entries, lines=lines)


def all_in(connection: sqlite3.Connection) -> Iterator[Redaction]:
    """Each redaction, oldest first."""
    # As the index has it.
    query = "SELECT CAST(log AS BLOB) FROM entry WHERE kind = 'redaction' ORDER BY position"
    for row in connection.execute(query).fetchall():
        yield Redaction.read(row[0])


def original_digests(connection: sqlite3.Connection) -> dict[int, dict[str, str]]:
    """The digests that redacted lines have now, and had first, by the position of their entry."""
    found: dict[int, dict[str, str]] = {}
    for redaction in all_in(connection):
        for position, lines in redaction.entries.items():
            known = found.setdefault(position, {})
            known.update({now: known.get(before, before) for now, before in lines.items()})
    return found


def forms_of(text: str) -> set[bytes]:
    """The bytes of the text as it is, and as JSON writes it."""
    plain = text.encode("utf-8", "surrogatepass")
    escaped = (json.dumps(text, ensure_ascii=it)[1:-1] for it in (True, False))
    return {plain, *(it.encode("utf-8", "surrogatepass") for it in escaped)}


def entries_with(connection: sqlite3.Connection, text: str) -> list[Entry]:
    """The entries with the text in their lines."""
    rows: dict[int, Entry] = {}
    for form in forms_of(text):
        for row in connection.execute(_FIND, {"it": form}).fetchall():
            entry = record_rows.entry_in(row)
            rows[entry.position] = entry
    return [rows[position] for position in sorted(rows)]


def scrub(connection: sqlite3.Connection) -> None:
    """The write-ahead log has nothing any more, the database what counts."""
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise sqlite3.OperationalError("somebody reads the record, so that its log keeps old text")


def finish(connection: sqlite3.Connection) -> None:
    """It was not interrupted."""
    connection.execute("DELETE FROM meta WHERE name = 'redacting'")
