"""Queries for the entries of the record and their published lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final

from specify_cli import ids
from specify_cli.storage import record_rows
from specify_cli.storage.record_database import RecordDatabase
from specify_cli.storage.record_entries import (
    Entry,
)

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
        while True:
            with self._open() as connection:
                found = connection.execute(query, (after, AT_ONCE)).fetchall()
            yield from found
            if len(found) < AT_ONCE:
                return
            after = found[-1][0]

    def first_since(self, at: str) -> int:
        """Return the `seq` of the first published line that was committed at or after that timestamp; 0 if there is none."""
        query = "SELECT min(seq) FROM entry WHERE seq IS NOT NULL AND at >= ?"
        with self._open() as connection:
            return connection.execute(query, (at,)).fetchone()[0] or 0

    def numbers(self, *, after: int = 0) -> list[int]:
        """Return the `seq` of each published line after that one, in order."""
        with self._open() as connection:
            query = "SELECT seq FROM entry WHERE seq > ? ORDER BY seq"
            return [row[0] for row in connection.execute(query, (after,))]

    def next_number(self, after: int) -> int:
        """Return the `seq` of the first published line after that one; 0 if there is none."""
        with self._open() as connection:
            query = "SELECT min(seq) FROM entry WHERE seq > ?"
            return connection.execute(query, (after,)).fetchone()[0] or 0

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
        where = "position > ?" if mission is None else "position > ? AND mission = ?"
        query = f"SELECT {record_rows.READ} FROM {record_rows.FROM} WHERE {where} ORDER BY position LIMIT {AT_ONCE}"  # noqa: S608
        while True:
            with self._open() as connection:
                values = (after,) if mission is None else (after, mission)
                found = [
                    record_rows.entry_in(row)
                    for row in connection.execute(query, values).fetchall()
                ]
            yield from found
            if len(found) < AT_ONCE:
                return
            after = found[-1].position

    def entry_at(self, position: int) -> Entry | None:
        """Return the newest entry at or before that position; None if there is none."""
        query = (
            f"SELECT {record_rows.READ} FROM {record_rows.FROM}"  # noqa: S608
            " WHERE position <= ? ORDER BY position DESC LIMIT 1"
        )
        with self._open() as connection:
            row = connection.execute(query, (position,)).fetchone()
            return None if row is None else record_rows.entry_in(row)

    def last(self) -> Entry | None:
        """Return the newest entry; None if there is none."""
        with self._open() as connection:
            return record_rows.last(connection)

    def entries_with(self, text: str) -> list[Entry]:
        """Return the entries whose lines contain the text, plain or escaped as JSON."""
        # Inside the function: few commands redact.
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            return record_redaction.entries_with(connection, text)

    def has_answer_with(self, text: str) -> bool:
        """Return whether the private fields of an answer contain the text."""
        # Inside the function: few commands redact.
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            return record_redaction.has_answer_with(connection, text)

    def private_reads(self) -> list[bytes]:
        """Return the published lines of reads whose answers may have private fields."""
        # Inside the function: few commands redact.
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            return record_redaction.private_reads(connection)

    def newest_redaction(self) -> int:
        """Return the position of the newest redaction; 0 if there is none."""
        query = "SELECT ifnull(max(position), 0) FROM entry WHERE kind = 'redaction'"
        with self._open() as connection:
            position: int = connection.execute(query).fetchone()[0]
        return position

    def redactions(self) -> list[Redaction]:
        """Return each redaction, oldest first."""
        # Inside the function: few commands redact.
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            return [*record_redaction.all_in(connection)]

    def entry_published(self, seq: int) -> Entry | None:
        """Return the entry whose published line has that `seq`; None if there is none."""
        query = f"SELECT {record_rows.READ} FROM {record_rows.FROM} WHERE seq = ?"  # noqa: S608
        with self._open() as connection:
            row = connection.execute(query, (seq,)).fetchone()
            return None if row is None else record_rows.entry_in(row)

    def salt_of(self, seq: int) -> bytes | None:
        """Return the salt of the entry with that published line; None if it has none."""
        entry = self.entry_published(seq)
        return (entry.salt or None) if entry else None

    def redaction_entries(self) -> list[Entry]:
        """Return the entry of each redaction, oldest first."""
        query = f"SELECT {record_rows.READ} FROM {record_rows.FROM} WHERE kind = 'redaction' ORDER BY position"  # noqa: S608
        with self._open() as connection:
            return [record_rows.entry_in(row) for row in connection.execute(query).fetchall()]

    def redacted_lines(self) -> dict[int, bytes]:
        """Return the redacted published lines of reads by `seq`, pruned ones included."""
        return {seq: line for it in self.redactions() for seq, line in it.lines.items()}

    def has_unfinished_redaction(self) -> bool:
        """Whether files may still contain redacted text."""
        return self.remembered("redacting") is not None
