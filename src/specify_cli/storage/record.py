"""The durable record of a project: requests, their events, answers, and states of packages.

Each decision is passed to `Record.commit` as a `Draft`. Drafts of one commit are stored together or
not at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from specify_cli.errors import StateUnreadable
from specify_cli.storage import published_line, record_rows, record_schema, record_states
from specify_cli.storage.log_memory import LogMemory
from specify_cli.storage.record_database import DATABASE
from specify_cli.storage.record_entries import PLANNED, Draft, Entry, KnownMission, MissionMark
from specify_cli.storage.record_lines import LogEntry, RecordLines
from specify_cli.storage.record_queries import RecordQueries

REMADE: Final = "remade"
"""The note that says when the record was made in place of a lost one."""

PRUNED: Final = "pruned"
"""The note with the greatest `seq` of a pruned answer: up to it, lines may be missing."""

DROPPED: Final = "dropped"
"""The note with the greatest `seq` that was removed from the published journal."""


def last_archived(first: int) -> str:
    """Return the name of the note with the last `seq` of the archived part that begins with `first`."""
    return f"archived-{first}"


_MARK: Final = (
    "SELECT number, coalesce(since, 0),"
    " coalesce((SELECT max(entry.position) FROM entry WHERE entry.mission = number), 0),"
    " (SELECT value FROM meta WHERE name = 'seal_key')"
    " FROM mission LEFT JOIN folded ON folded.mission = number WHERE folder = ? ORDER BY number"
)


class Record(RecordQueries):
    """The record in `folder`: one object per process, shared by its threads.

    `path` is its database, `memory` caches logs, and `is_compared` says whether the record was
    compared with the heads in commits. See `RecordDatabase` for the errors that every method
    raises.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._logs: dict[int, RecordLines] = {}
        self.memory = LogMemory()
        self.is_compared = False

    @classmethod
    def make(cls, folder: Path) -> Record:
        """Open the record in an existing folder; make it if it is missing.

        Raises:
            StorageFailed: the disk fails.
        """
        record_schema.make(folder / DATABASE)
        return cls(folder)

    def close(self) -> None:
        """Close the connection and drop the caches; the next call opens it again."""
        with self._using:
            super().close()
            self._logs.clear()
            self.memory.clear()
            self.is_compared = False

    def missions(self, mission_id: str | None, *, folder: str) -> list[KnownMission]:
        """Return every mission with that id or folder, newest first."""
        with self._open() as connection:
            query = (
                "SELECT number, id, folder, branch, plan FROM mission WHERE id = ? OR folder = ?"
                " ORDER BY number DESC"
            )
            rows = connection.execute(query, _kept(mission_id, folder)).fetchall()
            return [_mission_in(row) for row in rows]

    def plans(self, mission: int) -> list[bytes]:
        """Return every plan of the mission's execution lanes, oldest first."""
        with self._open() as connection:
            query = "SELECT CAST(log AS BLOB) FROM entry WHERE mission = ? AND kind = ? ORDER BY position"
            return [row[0] for row in connection.execute(query, (mission, PLANNED))]

    def known(self) -> list[KnownMission]:
        """Return every mission, oldest first."""
        with self._open() as connection:
            query = "SELECT number, id, folder, branch, plan FROM mission ORDER BY number"
            return [_mission_in(row) for row in connection.execute(query)]

    def newest(self, folder: str) -> int:
        """Return the position of the newest entry of the mission in that folder; 0 if there is none."""
        query = (
            "SELECT max((SELECT max(position) FROM entry WHERE mission = number))"
            " FROM mission WHERE folder = ?"
        )
        return self._number(query, *_kept(folder))

    def mark_of(self, folder: str) -> MissionMark:
        """Return the mark of the mission in that folder."""
        with self._open() as connection:
            rows = connection.execute(_MARK, _kept(folder)).fetchall()
        newest = max((row[2] for row in rows), default=0)
        key = rows[0][3] if rows else b""
        return MissionMark(newest=newest, rewritten=tuple((it[0], it[1]) for it in rows), key=key)

    def position_of(self, mission: int) -> int:
        """Return the position of the mission's newest entry; 0 if there is none."""
        return self._number("SELECT max(position) FROM entry WHERE mission = ?", mission)

    def behind(self, position: int, *, mission: int) -> tuple[int, int]:
        """Return the number of the mission's entries after that position, and the newest position."""
        with self._open() as connection:
            query = "SELECT count(*), max(position) FROM entry WHERE mission = ? AND position > ?"
            count, newest = connection.execute(query, (mission, position)).fetchone()
            return count, newest or 0

    def keep_mission(self, known: KnownMission) -> KnownMission:
        """Insert or update the mission; return it with its number."""
        values = _kept(known.mission_id, known.folder, known.branch)
        with self.writing() as connection:
            if known.number is None:
                order = "INSERT INTO mission (id, folder, branch) VALUES (?, ?, ?)"
                return known._replace(number=connection.execute(order, values).lastrowid)
            order = "UPDATE mission SET id = ?, folder = ?, branch = ? WHERE number = ?"
            connection.execute(order, (*values, known.number))
        return known

    def log_of(self, mission: int) -> RecordLines:
        """Return the current log of the mission."""
        with self._using:
            # Open first: a replaced file clears the cache.
            with self._open():
                known = self._logs.setdefault(mission, RecordLines())
            if known.fold(self._of_log(mission, after=known.position)) and known.lines:
                # A redaction has changed lines that were read before.
                self._logs[mission] = known = RecordLines()
                known.fold(self._of_log(mission, after=0))
            return known.copy()

    def log_entries(self, mission: int) -> Iterator[LogEntry]:
        """Yield what each entry contributes to the mission's log, oldest first."""
        return self._of_log(mission, after=0)

    def log_until(self, mission: int, position: int) -> list[bytes]:
        """Return the lines of the mission's log as of that position."""
        kept = RecordLines()
        kept.fold(takewhile(lambda it: it.position <= position, self._of_log(mission, after=0)))
        return kept.lines

    def _of_log(self, mission: int, *, after: int) -> Iterator[LogEntry]:
        query = (
            "SELECT position, kind, place, CAST(log AS BLOB), salt FROM entry"
            " WHERE mission = ? AND position > ? ORDER BY position LIMIT ?"
        )
        return map(LogEntry._make, self._paged(query, mission, after=after))

    def commit(self, drafts: Sequence[Draft], *, are_shown: bool = False) -> list[Entry]:
        """Commit all drafts in one transaction, in their order; number them consecutively.

        `are_shown` says that every line committed before is published.

        Raises:
            AlreadyAsked: a request was answered meanwhile; nothing was committed.
            OutcomeUnknown: the disk failed during the commit; the drafts may have been committed.
            StorageFailed: the disk failed; nothing was committed.
            StateUnreadable: the record is damaged or has a newer format.
        """
        return [*self._committed(drafts, are_shown=are_shown)]

    def commit_all(self, drafts: Iterable[Draft]) -> None:
        """Commit any number of drafts without keeping the entries; see `commit`."""
        deque(self._committed(drafts), maxlen=0)

    def _committed(self, drafts: Iterable[Draft], *, are_shown: bool = False) -> Iterator[Entry]:
        with self.writing() as connection:
            states = record_states.StateFold(connection)
            before = record_rows.last(connection)
            if before is not None and before.seq is not None:
                seq, newest = before.seq, before.published
            else:
                seq, newest = record_rows.last_published(connection)
            if are_shown:
                record_rows.note(connection, "shown", seq)
            prev = published_line.link(newest) if newest else published_line.NOTHING_BEFORE
            for draft in drafts:
                before = record_rows.entry_of(draft, before=before, seq=seq, prev=prev)
                record_rows.insert(connection, draft, before)
                states.add(before)
                if before.seq is not None and before.published is not None:
                    seq, prev = before.seq, published_line.link(before.published)
                yield before
            states.write()

    def faults(self) -> list[str]:
        """Describe what is wrong with the record; takes time in proportion to its size.

        SQLite checks the file, then each head is computed again.

        Raises:
            StorageFailed: the disk fails.
        """
        # Inside the function: few commands prove the record.
        from specify_cli.storage import record_faults, record_redaction

        try:
            with self._open() as connection:
                found = record_faults.integrity_check(connection)
                redacted = record_redaction.original_digests(connection)
                dangling = connection.execute("PRAGMA foreign_key_check").fetchall()
            faults = [f"{self.path}: {it}" for it in found if it != "ok"]
            last = self.last()
            # The chain names the entry; rows that refer to it only follow from that.
            faults = faults or record_faults.broken_chain(
                self.path,
                self.entries(),
                redacted=redacted,
                pruned=self.noted(PRUNED),
                count=last.position if last else 0,
            )
            return faults or [
                f"{self.path}: a row of {it[0]} refers to a missing row of {it[2]}"
                for it in dangling
            ]
        except StateUnreadable as error:
            return [str(error)]

    def finish_redaction(self) -> None:
        """Remove redacted text from the files of the database; note that it is done."""
        from specify_cli.storage import record_redaction

        with self._open() as connection:
            record_redaction.scrub(connection)
        with self.writing() as connection:
            record_redaction.finish(connection)


def _mission_in(row: Sequence[Any]) -> KnownMission:
    number, mission_id, folder, branch, plan = row
    return KnownMission(
        number=number, mission_id=mission_id, folder=folder, branch=branch, plan=plan or b""
    )


def _kept(*names: str | None) -> tuple[str | None, ...]:
    """Escape lone surrogates, which SQLite refuses and names of requests and folders may have."""
    return tuple(
        name if name is None else name.encode("utf-8", "backslashreplace").decode()
        for name in names
    )
