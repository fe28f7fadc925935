"""Every request and its answer, in order: stored in the record, and published for operators.

A published line is one JSON object that ends with the hash of the line before. An id belongs to a
scope: the one shared by the command line and the root inbox, or that of a named orchestrator.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from specify_cli import ids
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.files import locks
from specify_cli.storage import journal_adoption, published_line, records
from specify_cli.storage.deferred_log import DeferredLog
from specify_cli.storage.journal_batch import JournalBatch, draft_of
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.journal_parts import Line
from specify_cli.storage.journal_publisher import MAX_BYTES, JournalPublisher
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import AlreadyAsked, Asked, Draft
from specify_cli.storage.record_proof import MARK, has_mark

if TYPE_CHECKING:
    from specify_cli.storage.intents import Rows

_BATCH_LOCK_TIMEOUT_S: Final = 0.05
"""How long a batch waits for the lock of the journal; after that, each of its requests is answered alone."""

_log: Final = DeferredLog(__name__)


class Journal:
    """The journal of a project; its methods are safe for threads, its files for processes.

    Every method raises `StorageFailed` if the disk fails, and `StateUnreadable` if the record is
    damaged.
    """

    def __init__(self, project: Layout, *, max_bytes: int = MAX_BYTES) -> None:
        self._project = project
        self._files = JournalFiles(project.journal)
        self._publisher = JournalPublisher(project, max_bytes=max_bytes)
        self._using = threading.Lock()

    def find(
        self, correlation_id: str, scope: str = ids.SHARED_SCOPE, *, digest: str | None = None
    ) -> dict[str, Any] | None:
        """Return the first line with that id in that scope, and with `digest` if given; creates nothing."""
        record = records.found(self._project)
        if record is not None:
            line = record.find(correlation_id, scope, digest)
            if line is not None or self._is_complete(record):
                return None if line is None else published_line.parse(line)
        # An older release has published it without a record; or this user may not read
        # the record.
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
        """Append the line; return it with its number and hash, or the line that had its id before.

        The drafts `decided` and the rows that `also` changes are committed with it. If the outbox
        cannot be written, the line is published with the next one, and a warning is logged.

        Raises:
            StorageFailed: the disk fails; nothing was appended, or the outcome is unknown.
            StateUnreadable: the record is damaged.
        """
        asked, draft = draft_of(line, is_new=unless_known, also=also)
        with self._using, locks.held(self._project.lock("journal")):
            record = records.made(self._project)
            is_published = self._bring_up(record)
            known = record.find(asked.id, asked.scope) if unless_known else None
            if known is None:
                known = self._commit(record, [*decided, draft], asked, publishes=is_published)
            return published_line.parse(known)

    @contextmanager
    def batch(self) -> Iterator[JournalBatch]:
        """Append several lines in one transaction, under the journal's lock.

        Raises:
            StorageFailed: as `append`, or the journal stays locked.
            StateUnreadable: as `append`.
        """
        lock = self._project.lock("journal")
        with self._used_at_once(), locks.held(lock, timeout_s=_BATCH_LOCK_TIMEOUT_S):
            record = records.made(self._project)
            is_published = self._bring_up(record)
            yield JournalBatch(record, self._publish if is_published else None)

    @contextmanager
    def _used_at_once(self) -> Iterator[None]:
        if not self._using.acquire(timeout=_BATCH_LOCK_TIMEOUT_S):
            raise StorageFailed("the journal is in use by another thread; try again")
        try:
            yield
        finally:
            self._using.release()

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield every line of the record, oldest first; the published lines if there is no record."""
        record = self.complete_record()
        if record is None:
            return self._files.lines()
        return (published_line.parse(line) for _, line in record.published())

    def record(self) -> Record | None:
        """Return the record; None if there is none, or this user may not read it."""
        return records.found(self._project)

    def complete_record(self) -> Record | None:
        """Return the record if it has every published line that can be read, else None."""
        record = self.record()
        return record if record is not None and self._is_complete(record) else None

    def verify(self) -> list[str]:
        """Describe faults of the record, and published lines that differ from it, by file and line.

        Without a record only the chain of the published lines is checked. A missing or torn newest
        line is not a fault: the next append completes it.
        """
        faults = self.faults()
        return faults or self.differences()

    def faults(self) -> list[str]:
        """Describe what is wrong with the record; takes time in proportion to its size."""
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
        """Describe published lines that differ from the record."""
        # Inside the function: few commands prove the journal.
        from specify_cli.storage import journal_differences as proof

        record, files = records.found(self._project), self._files
        found = proof.differences(files, record) if record else proof.breaks_of_chain(files)
        return list(found)

    def redactions(self) -> list[str]:
        """Describe each redaction, and text that looks redacted but is not."""
        record = records.found(self._project)
        if record is None:
            return []
        known = record.redactions()
        found = [
            f"{it.about} was redacted by {it.actor} at {it.at} (entries: {len(it.entries)}): {it.reason}"
            for it in known
        ]
        explained = {position for it in known for position in it.entries}
        marked = (it for it in record.entries_with(MARK) if it.position not in explained)
        return found + [
            f"entry {it.position} of the record has text that looks redacted, but the record has no such redaction: the"
            " mark was typed in, or it hides a change"
            for it in marked
            if any(map(has_mark, (*it.log.split(b"\n"), it.published or b"")))
        ]

    def delays(self) -> list[str]:
        """Describe the newest line if it is not published yet."""
        record = records.found(self._project)
        seq = record.last_published()[0] if record else 0
        if record is None or not seq or self._publisher.is_up(record):
            return []
        return [
            f"line {seq} is not published yet, or was cut off: it is published with the next one"
        ]

    def require_current(self) -> None:
        """Check that the record is not older than the published journal, as a restored backup is.

        Raises:
            StateUnreadable: it is older, or damaged.
            StorageFailed: the disk fails.
        """
        record = records.found(self._project)
        if record is None or self._publisher.is_up(record):
            return
        try:
            self._publisher.require_current(record)
        except StateUnreadable:
            # Another process may have answered a request at this moment.
            with self._using, locks.held(self._project.lock("journal")):
                self._publisher.require_current(record)

    def publish(self) -> None:
        """Publish what the record has, as far as the outbox can be written."""
        record = records.found(self._project)
        if record is None or self._publisher.is_up(record):
            return
        with self._using, locks.held(self._project.lock("journal")):
            self._bring_up(record)

    def take_in(self) -> None:
        """Take published lines that continue the record into it, as after a backup was restored."""
        with self._using, locks.held(self._project.lock("journal")):
            self._taken_in()

    def restore(self) -> None:
        """Make the published journal equal to the record; move other parts to the attic."""
        with self._using, locks.held(self._project.lock("journal")):
            record = self._taken_in()
            self._publisher.redact(record)
            self._publisher.restore(record)

    def _taken_in(self) -> Record:
        record = records.made(self._project)
        for fault in record.faults()[:1]:
            # A damaged record must not replace sound lines.
            raise StateUnreadable(fault)
        self._publisher.bring_up(record, restores=True)
        return record

    def redact(self) -> None:
        """Remove redacted text from the published lines."""
        with self._using, locks.held(self._project.lock("journal")):
            record = records.made(self._project)
            self._publisher.redact(record)
            self._bring_up(record)

    def _is_complete(self, record: Record) -> bool:
        """Whether the record has every published line that can be read."""
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
                # An older release may have published lines that cannot be read
                # now.
                raise
            _log.warning(
                "%s; nothing is lost: the record has the lines, and they are published later", error
            )
            return False
        return True

    def _commit(
        self, record: Record, drafts: Sequence[Draft], asked: Asked, *, publishes: bool
    ) -> bytes:
        try:
            entry = record.commit(drafts, are_shown=publishes)[-1]
        except AlreadyAsked:
            # A process that lost its lock has committed it.
            same = record.find(asked.id, asked.scope, asked.digest)
            return same or record.find(asked.id, asked.scope) or b""
        line = entry.published or b""
        if publishes:
            self._publish([(entry.seq or 0, line)])
        newest = drafts[-1]
        if newest.answer is None or newest.content is None:
            return line
        return line.replace(newest.content, newest.answer, 1)

    def _publish(self, lines: Sequence[Line]) -> None:
        try:
            self._publisher.add(lines)
        except StorageFailed as error:
            _log.warning(
                "%s; nothing is lost: the record has the lines, and they are published later", error
            )
