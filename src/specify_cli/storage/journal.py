"""Every request and its answer, in order: kept in the record, and published for operators.

A published line is one JSON object; each ends with the hash of the line before. An id belongs to a scope:
the one that the command line and the root inbox share, or a named orchestrator's own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from specify_cli import clock, ids
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.files import locks
from specify_cli.storage import journal_adoption, published_line, records
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.journal_publisher import MAX_BYTES, JournalPublisher, Line
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import REQUEST, AlreadyAsked, Asked, Draft
from specify_cli.storage.record_proof import MARK, has_mark

if TYPE_CHECKING:
    from specify_cli.storage.intents import Rows

_A_MOMENT_S: Final = 0.05
"""How long a batch waits for the lock of the journal; after that, each of its requests is answered alone."""

_log: Final = logging.getLogger(__name__)


class Journal:
    """The journal of a project; one object may serve many threads, the project many processes."""

    def __init__(self, project: Layout, *, max_bytes: int = MAX_BYTES) -> None:
        self._project = project
        self._files = JournalFiles(project.journal)
        self._publisher = JournalPublisher(project, max_bytes=max_bytes)
        self._using = threading.Lock()

    def find(
        self, correlation_id: str, scope: str = ids.SHARED_SCOPE, *, digest: str | None = None
    ) -> dict[str, Any] | None:
        """The first line under this id in that scope, or of this `digest`; None without. Nothing is created.

        Raises:
            StorageFailed: the disk refused.
            StateUnreadable: the record is damaged.
        """
        record = records.found(self._project)
        if record is not None:
            line = record.find(correlation_id, scope, digest)
            if line is not None or self._is_complete(record):
                return None if line is None else published_line.parse(line)
        # Of an older release, which has no record; or this user may not read it.
        unknown = journal_adoption.not_in(record, self._files) if record else self._files.parsed()
        for _, entry in unknown:
            if entry["correlation_id"] == correlation_id:
                is_it = digest is None or entry.get("digest") == digest
                if is_it and published_line.scope_of(entry) == scope:
                    return entry
        return None

    def append(
        self,
        line: Mapping[str, Any],
        *,
        unless_known: bool = True,
        decided: Sequence[Draft] = (),
        also: Rows | None = None,
    ) -> dict[str, Any]:
        """The line as it durably stands: numbered and chained, or the one that had its id before.

        What was `decided` for it, and what it `also` changes in the record, is committed with it, or not at all. What the outbox refuses is told as a warning, and
        published with the next line.

        Raises:
            StorageFailed: the disk refused; the journal is as it was before, or its outcome is unknown.
            StateUnreadable: the record is damaged.
        """
        asked, draft = _draft_of(line, is_new=unless_known, also=also)
        with self._using, locks.held(self._project.lock("journal")):
            record = records.made(self._project)
            is_published = self._bring_up(record)
            known = record.find(asked.id, asked.scope) if unless_known else None
            if known is None:
                known = self._commit(record, [*decided, draft], asked, publishes=is_published)
            return published_line.parse(known)

    @contextmanager
    def batch(self) -> Iterator[JournalBatch]:
        """Lines that are appended all at once; nobody else appends one meanwhile.

        Raises:
            StorageFailed: as `append`, or somebody holds the journal for longer than a moment.
            StateUnreadable: as `append`.
        """
        lock = self._project.lock("journal")
        with self._used_at_once(), locks.held(lock, timeout_s=_A_MOMENT_S):
            record = records.made(self._project)
            is_published = self._bring_up(record)
            yield JournalBatch(record, self._publish if is_published else None)

    @contextmanager
    def _used_at_once(self) -> Iterator[None]:
        if not self._using.acquire(timeout=_A_MOMENT_S):
            raise StorageFailed("the journal is held by another thread; try again")
        try:
            yield
        finally:
            self._using.release()

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every line of the record, oldest first; of the published ones where there is none.

        Raises:
            StorageFailed: the disk refused.
            StateUnreadable: the record is damaged.
        """
        record = records.found(self._project)
        if record is None or not self._is_complete(record):
            return self._files.lines()
        return (published_line.parse(line) for _, line in record.published())

    def verify(self) -> list[str]:
        """What is wrong with the record, and what of the published lines is not what it has, named by file and line.

        Where there is no record, the chain of the lines is proved alone. That the newest line is missing or torn is not a
        fault: it may be under way, and comes with the next one.

        Raises:
            StorageFailed: the disk refused.
        """
        faults = self.faults()
        return faults or self.differences()

    def faults(self) -> list[str]:
        """What is wrong with the record; takes time with its size. Raises: StorageFailed."""
        try:
            record = records.found(self._project)
            if record is None:
                return []
            # Inside the function: few commands prove the record.
            from specify_cli.storage import record_contents

            contents = [f"{record.path}: {it}" for it in record_contents.damaged(record)]
            return contents or record.faults()
        except StateUnreadable as error:
            return [str(error)]

    def differences(self) -> list[str]:
        """As `verify`, of the published lines alone. Raises: StorageFailed, StateUnreadable."""
        # Inside the function: few commands prove the journal.
        from specify_cli.storage import journal_differences as proof

        record, files = records.found(self._project), self._files
        found = proof.differences(files, record) if record else proof.breaks_of_chain(files)
        return list(found)

    def redactions(self) -> list[str]:
        """What was redacted, by whom and why, and what only reads so. Raises: StorageFailed, StateUnreadable."""
        record = records.found(self._project)
        if record is None:
            return []
        known = record.redactions()
        told = [
            f"{it.about} was redacted by {it.actor} at {it.at} (entries: {len(it.entries)}): {it.reason}"
            for it in known
        ]
        explained = {position for it in known for position in it.entries}
        marked = (it for it in record.entries_with(MARK) if it.position not in explained)
        return told + [
            f"entry {it.position} of the record has text that reads as redacted, and nobody has redacted it: somebody"
            " has typed it so, or hidden what was there"
            for it in marked
            if any(map(has_mark, (*it.log.split(b"\n"), it.published or b"")))
        ]

    def delays(self) -> list[str]:
        """The newest line, where it is not published: it may be under way. Raises: StorageFailed, StateUnreadable."""
        record = records.found(self._project)
        seq = record.last_published()[0] if record else 0
        if record is None or not seq or self._publisher.is_up(record):
            return []
        return [f"line {seq} is not published yet, or was cut off: it comes with the next one"]

    def require_current(self) -> None:
        """Passes where the record is not older than what was published; a backup, say. Raises: StateUnreadable, StorageFailed."""
        record = records.found(self._project)
        if record is None or self._publisher.is_up(record):
            return
        try:
            self._publisher.require_current(record)
        except StateUnreadable:
            # Somebody may just have answered a request.
            with self._using, locks.held(self._project.lock("journal")):
                self._publisher.require_current(record)

    def publish(self) -> None:
        """What the record has is published, as far as the outbox lets it. Raises: StorageFailed, StateUnreadable."""
        record = records.found(self._project)
        if record is None or self._publisher.is_up(record):
            return
        with self._using, locks.held(self._project.lock("journal")):
            self._bring_up(record)

    def take_in(self) -> None:
        """The record has what was published behind its end, as after a backup was put in its place. Raises: as `restore`."""
        with self._using, locks.held(self._project.lock("journal")):
            self._taken_in()

    def restore(self) -> None:
        """The published journal has what the record has; a part that had anything else is in the attic.

        Raises: StorageFailed, StateUnreadable.
        """
        with self._using, locks.held(self._project.lock("journal")):
            record = self._taken_in()
            self._publisher.redact(record)
            self._publisher.restore(record)

    def _taken_in(self) -> Record:
        record = records.made(self._project)
        for fault in record.faults()[:1]:
            # What is damaged is not put in the place of what may be sound.
            raise StateUnreadable(fault)
        self._publisher.bring_up(record, restores=True)
        return record

    def redact(self) -> None:
        """The published lines have no text any more that was redacted. Raises: StorageFailed, StateUnreadable."""
        with self._using, locks.held(self._project.lock("journal")):
            record = records.made(self._project)
            self._publisher.redact(record)
            self._bring_up(record)

    def _is_complete(self, record: Record) -> bool:
        """Whether the record has every line that is published, as far as these can be read."""
        try:
            return self._publisher.is_complete(record)
        except StorageFailed:
            if not record.last_published()[0]:
                raise
            return True

    def _bring_up(self, record: Record) -> bool:
        try:
            self._publisher.bring_up(record)
        except StorageFailed as error:
            if not record.last_published()[0]:
                # An older release may have written there; nobody knows what.
                raise
            _log.warning("%s; nothing is lost, and it is published later", error)
            return False
        return True

    def _commit(
        self, record: Record, drafts: Sequence[Draft], asked: Asked, *, publishes: bool
    ) -> bytes:
        try:
            entry = record.commit(drafts, are_shown=publishes)[-1]
        except AlreadyAsked:
            # By a process whose lock was taken away under it.
            same = record.find(asked.id, asked.scope, asked.digest)
            return same or record.find(asked.id, asked.scope) or b""
        line = entry.published or b""
        if publishes:
            self._publish([(entry.seq or 0, line)])
        return line

    def _publish(self, lines: Sequence[Line]) -> None:
        try:
            self._publisher.add(lines)
        except StorageFailed as error:
            _log.warning("%s; nothing is lost, and it is published later", error)


class JournalBatch:
    """What is appended to a journal at once, while nobody else appends anything."""

    def __init__(self, record: Record, publish: Callable[[Sequence[Line]], None] | None) -> None:
        self._record = record
        self._publish = publish

    def used(self, asked_ids: Collection[str], scope: str) -> set[str]:
        """Those of the ids under which something was asked in that scope. Raises: as `Journal.find`."""
        return self._record.used(asked_ids, scope)

    def append(self, decided: Sequence[tuple[Mapping[str, Any], Sequence[Draft]]]) -> None:
        """All lines are committed, with what was decided for them, or none is.

        Raises:
            AlreadyAsked: one of the ids was used meanwhile; nothing was committed.
            StorageFailed: the disk refused, or somebody changed what was decided on; nothing was committed, or nobody knows.
            StateUnreadable: the record is damaged.
        """
        drafts = [
            draft for line, own in decided for draft in (*own, _draft_of(line, is_new=True)[1])
        ]
        entries = self._record.commit(drafts, are_shown=self._publish is not None)
        if self._publish is not None:
            self._publish([(it.seq or 0, it.published) for it in entries if it.published])


def _draft_of(
    line: Mapping[str, Any], *, is_new: bool, also: Rows | None = None
) -> tuple[Asked, Draft]:
    asked = Asked(
        is_new=is_new,
        id=line["correlation_id"],
        scope=published_line.scope_of(line),
        digest=line.get("digest") or "",
    )
    return asked, Draft(
        at=line.get("at") or clock.timestamp(),
        kind=REQUEST,
        published=partial(_encoded, line),
        content=published_line.shared_part(line),
        asked=asked,
        also=also,
    )


def _encoded(line: Mapping[str, Any], seq: int, prev: str) -> bytes:
    return published_line.encode(line, seq=seq, prev=prev)
