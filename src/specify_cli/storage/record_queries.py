"""Queries for the entries of the record and their published lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Final

from specify_cli import ids
from specify_cli.storage import record_rows
from specify_cli.storage.record_database import RecordDatabase
from specify_cli.storage.record_entries import Entry

if TYPE_CHECKING:
    from specify_cli.storage.record_redaction import Redaction


AT_ONCE: Final = 500


class RecordQueries(RecordDatabase):
    """The read-only queries of `Record`; see `RecordDatabase` for the errors."""

    def find(
        self, asked_id: str, scope: str = ids.SHARED_SCOPE, digest: str | None = None
    ) -> bytes | None:
        """Return the published line of the first request with that id, scope and `digest`.

        Returns:
            The line; None if there is no such request. A `digest` of None matches any.
        """
        with self._open() as connection:
            return record_rows.find(connection, {"id": asked_id, "scope": scope, "digest": digest})

    def used(self, asked_ids: Collection[str], scope: str) -> set[str]:
        """Return those of the ids that requests in that scope have used."""
        marks = ", ".join("?" * len(asked_ids))
        query = f"SELECT DISTINCT id FROM request WHERE scope = ? AND id IN ({marks})"  # noqa: S608
        with self._open() as connection:
            return {row[0] for row in connection.execute(query, (scope, *asked_ids))}

    def published(self, *, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield the `seq` and bytes of each published line after that `seq`, in order."""
        query = (
            f"SELECT seq, {record_rows.LINE} FROM {record_rows.FROM}"  # noqa: S608
            " WHERE seq > ? ORDER BY seq LIMIT ?"
        )
        return self._paged(query, after=after)

    def first_since(self, at: str) -> int:
        """Return the `seq` of the first published line that was committed at or after that timestamp; 0 if there is none."""
        return self._number("SELECT min(seq) FROM entry WHERE seq IS NOT NULL AND at >= ?", at)

    def numbers(self, *, after: int = 0) -> list[int]:
        """Return the `seq` of each published line after that one, in order."""
        with self._open() as connection:
            query = "SELECT seq FROM entry WHERE seq > ? ORDER BY seq"
            return [row[0] for row in connection.execute(query, (after,))]

    def next_number(self, after: int) -> int:
        """Return the `seq` of the first published line after that one; 0 if there is none."""
        return self._number("SELECT min(seq) FROM entry WHERE seq > ?", after)

    def published_line(self, seq: int) -> bytes | None:
        """Return the published line with that `seq`; None if there is none."""
        with self._open() as connection:
            query = f"SELECT {record_rows.LINE} FROM {record_rows.FROM} WHERE seq = ?"  # noqa: S608
            row = connection.execute(query, (seq,)).fetchone()
            return None if row is None else row[0]

    def last_published(self) -> tuple[int, bytes]:
        """Return the `seq` and bytes of the newest published line; 0 and b"" if there is none."""
        with self._open() as connection:
            return record_rows.last_published(connection)

    def shown(self) -> int:
        """Return the `seq` up to which all lines were published when the newest was committed."""
        return self.noted("shown")

    def entries(self, *, after: int = 0, mission: int | None = None) -> Iterator[Entry]:
        """Yield every entry in order."""
        values = () if mission is None else (mission,)
        where = "mission = ? AND position > ?" if values else "position > ?"
        query = f"SELECT {record_rows.READ} FROM {record_rows.FROM} WHERE {where} ORDER BY position LIMIT ?"  # noqa: S608
        return map(record_rows.entry_in, self._paged(query, *values, after=after))

    def entry_at(self, position: int) -> Entry | None:
        """Return the newest entry at or before that position; None if there is none."""
        found = self._entries_where("position <= ? ORDER BY position DESC LIMIT 1", position)
        return found[0] if found else None

    def last(self) -> Entry | None:
        """Return the newest entry; None if there is none."""
        with self._open() as connection:
            return record_rows.last(connection)

    def entries_with(self, text: str) -> list[Entry]:
        """Return the entries whose lines contain the text, plain or escaped as JSON."""
        from specify_cli.storage import record_redaction  # Few commands redact.

        with self._open() as connection:
            return record_redaction.entries_with(connection, text)

    def has_answer_with(self, text: str) -> bool:
        """Return whether the private fields of an answer contain the text."""
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            return record_redaction.has_answer_with(connection, text)

    def private_reads(self) -> list[bytes]:
        """Return the published lines of reads whose answers may have private fields."""
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            return record_redaction.private_reads(connection)

    def newest_redaction(self) -> int:
        """Return the position of the newest redaction; 0 if there is none."""
        return self._number("SELECT max(position) FROM entry WHERE kind = 'redaction'")

    def redactions(self) -> list[Redaction]:
        """Return each redaction, oldest first."""
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            return [*record_redaction.all_in(connection)]

    def entry_published(self, seq: int) -> Entry | None:
        """Return the entry whose published line has that `seq`; None if there is none."""
        found = self._entries_where("seq = ?", seq)
        return found[0] if found else None

    def salt_of(self, seq: int) -> bytes | None:
        """Return the salt of the entry with that published line; None if it has none."""
        entry = self.entry_published(seq)
        return (entry.salt or None) if entry else None

    def redaction_entries(self) -> list[Entry]:
        """Return the entry of each redaction, oldest first."""
        return self._entries_where("kind = 'redaction' ORDER BY position")

    def redacted_lines(self) -> dict[int, bytes]:
        """Return the redacted published lines of reads by `seq`, pruned ones included."""
        return {seq: line for it in self.redactions() for seq, line in it.lines.items()}

    def has_unfinished_redaction(self) -> bool:
        """Whether files may still contain redacted text."""
        return self.remembered("redacting") is not None

    def _number(self, query: str, *values: Any) -> int:
        with self._open() as connection:
            return connection.execute(query, values).fetchone()[0] or 0

    def _entries_where(self, condition: str, *values: Any) -> list[Entry]:
        query = f"SELECT {record_rows.READ} FROM {record_rows.FROM} WHERE {condition}"  # noqa: S608
        with self._open() as connection:
            return [record_rows.entry_in(row) for row in connection.execute(query, values)]

    def _paged(self, query: str, *values: Any, after: int) -> Iterator[Any]:
        """Yield the rows after that number, which is their first column, without keeping a statement open."""
        while True:
            with self._open() as connection:
                found = connection.execute(query, (*values, after, AT_ONCE)).fetchall()
            yield from found
            if len(found) < AT_ONCE:
                return
            after = found[-1][0]
