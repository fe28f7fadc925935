"""The log of a mission, which is read again only where the record or a file has changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from specify_cli import batch, clock
from specify_cli.core.events import Event
from specify_cli.errors import SpecKittyError
from specify_cli.files.stamps import FileStamp, stamp
from specify_cli.storage import checkout, event_lines, record_missions, records
from specify_cli.storage.deferred_log import DeferredLog
from specify_cli.storage.host_place import MISSIONS
from specify_cli.storage.log_content import FoldedLog, LogContent, folded
from specify_cli.storage.log_file import FILE_NAME
from specify_cli.storage.log_memory import Remembered
from specify_cli.storage.log_view import LogView
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import EVENTS, Draft, KnownMission
from specify_cli.storage.recorded_log import PreparedLines, RecordedLog
from specify_cli.storage.stored_log import note_file, stored_content

_LITTLE: Final = 64 * 1024
"""Bytes of a log that is read in no time."""

_log: Final = DeferredLog(__name__)


class _Sight(NamedTuple):
    """The file of a log as it is seen without reading it; not `is_plain` where it is not in folders of its own."""

    stamp: FileStamp | None = None
    is_plain: bool = True

    @property
    def is_settled(self) -> bool:
        """Whether every later change shows."""
        return self.stamp is None or self.stamp.is_settled


class GrowingLog:
    """A log to which lines are added that are not committed yet.

    `known` is what it was before, `content` what it is with them.
    """

    def __init__(
        self, log: RememberedLog, record: Record, *, known: Remembered, content: LogContent
    ) -> None:
        self.log, self.record, self.known, self.content = log, record, known, content
        self.lines: list[bytes] = []

    def grow(self, events: Sequence[Event], lines: bytes) -> None:
        """These are added, and in a batch, who decides after them sees them."""
        before = self.content.folded or FoldedLog(self.content.events)
        whole = before.grown(events)
        self.content = self.content._replace(events=whole.events, folded=whole)
        self.lines.append(lines)

    def follow(self) -> None:
        """What was added is committed: the file has it, too. Of several calls the first one counts."""
        if self.lines:
            self.log.bring_up(self)
            self.lines = []


class RememberedLog(RecordedLog):
    """As `RecordedLog`, which it asks wherever it remembers nothing that still holds."""

    def read(self) -> LogContent:
        """As `RecordedLog.read`.

        Raises: NotInBatch in a batch, where that would take long.
        """
        record = records.found(self.project)
        remembered = self._in_batch() or self._growing(record) or self._remembered(record)
        if remembered is not None and remembered.content is not None:
            return remembered.content
        before = self._look_at_leisure()
        newest = record.newest(self.slug) if record else 0
        view = self._view(record)
        content = self.content_of(view)
        if record is None or record.newest(self.slug) != newest:
            return content
        has_number = view.known.number is not None
        log = Remembered(
            known=view.known,
            position=view.kept.position if has_number else newest,
            stamp=before.stamp,
            content=content,
            is_taken_in=has_number and not view.foreign,
        )
        return self._remember(record, log, view, before=before)

    def take_in(self) -> LogContent:
        """As `RecordedLog.take_in`.

        Raises: NotInBatch as `read`.
        """
        growing = self._in_batch()
        if growing is not None:
            return growing.content
        record = records.found(self.project)
        growing = self._growing(record)
        if growing is not None:
            return growing.content
        before = self._look_at_leisure()
        content, view = self._take_in(self._view(record))
        if record is not None and view.known.number is None and not view.lines:
            # So that the first event costs what the others do.
            view = view._replace(known=self._numbered(record, view.known))
        number = view.known.number
        kept = record.log_of(number) if record and number is not None else None
        if record is None or kept is None or kept.lines != view.lines:
            return content
        log = Remembered(
            known=view.known, position=kept.position, stamp=before.stamp, content=content
        )
        return self._remember(record, log, view, before=before, is_kept=True)

    def lags(self) -> bool:
        """As `RecordedLog.lags`; a file that is as the host has left it is not read."""
        known = self._remembered(records.found(self.project))
        return super().lags() if known is None or not known.is_taken_in else False

    def prepared(self, events: Sequence[Event]) -> PreparedLines:
        """As `RecordedLog.prepared`; in a batch, the lines of a log follow all together.

        Raises: NotInBatch as `read`.
        """
        growing = self._in_batch() or self._growing(records.made(self.project))
        lines = event_lines.encode(events, mission_slug=self.slug)
        if growing is None:
            batch.require_none()
            return self._prepared(lines)
        known = growing.known
        draft = Draft(
            at=clock.timestamp(),
            kind=EVENTS,
            mission=known.known.number,
            # Those before it in the batch are not committed yet.
            behind=None if growing.lines else known.position,
            log=lines,
        )
        stand = partial(growing.grow, events, lines)
        if batch.current() is not None:
            return PreparedLines(drafts=[draft], follow=growing.follow, stand=stand)
        stand()
        return PreparedLines(drafts=[draft], follow=growing.follow)

    def _in_batch(self) -> GrowingLog | None:
        """The log as the batch has left it so far: it is decided as of one moment. None where that has not read it."""
        inside = batch.current()
        return None if inside is None else inside.logs.get(self.slug)

    def _growing(self, record: Record | None) -> GrowingLog | None:
        """The log as it is remembered, in a batch from now on; None where it has to be read."""
        known = self._remembered(record)
        if record is None or known is None or not known.is_taken_in:
            return None
        content = self._content_of(record, known)
        growing = GrowingLog(self, record, known=known, content=content)
        inside = batch.current()
        if inside is not None:
            inside.logs[self.slug] = growing
        return growing

    def _look_at_leisure(self) -> _Sight:
        """The file, before it is read. Raises: NotInBatch in a batch, where that takes long."""
        sight = self._look()
        if not sight.is_plain or (sight.stamp and sight.stamp.size > _LITTLE):
            batch.require_none()
        return sight

    def _remembered(self, record: Record | None) -> Remembered | None:
        if record is None:
            return None
        known = record.memory.get(self.slug)
        if known is None or self._look() != _Sight(stamp=known.stamp):
            return self._stored(record)
        is_same_mission = known.known.mission_id == self.id_of(self.slug)
        position = self._position(record, known.known)
        return known if is_same_mission and position == known.position else self._stored(record)

    def _stored(self, record: Record) -> Remembered | None:
        """The log as the record has folded it, where its file is as the host has left it."""
        sight = self._look()
        if sight.stamp is None:
            return None
        known = record_missions.found_at_once(record, self.slug, self.id_of(self.slug))
        if known is None or known.number is None:
            return None
        found = stored_content(record, known.number, self.path, stamp=sight.stamp)
        if found is None:
            return None
        position, content = found
        content = content._replace(plan=known.plan)
        log = Remembered(known=known, position=position, stamp=sight.stamp, content=content)
        record.memory.put(self.slug, log)
        return log

    def _position(self, record: Record, known: KnownMission) -> int:
        """The position of the record's newest entry of the mission, or of another one that had its folder before."""
        number = known.number
        return record.newest(self.slug) if number is None else record.position_of(number)

    def _content_of(self, record: Record, known: Remembered) -> LogContent:
        if known.content is not None:
            return known.content
        stored = self._stored(record)
        if stored is not None and stored.content is not None and stored.position == known.position:
            return stored.content
        if known.stamp is not None and known.stamp.size > _LITTLE:
            batch.require_none()
        lines = record.log_of(known.known.number or 0).lines
        content = folded(event_lines.parse_lines(enumerate(lines, start=1), self.path))
        content = content._replace(plan=known.known.plan)
        if not content.torn:
            record.memory.put(self.slug, known._replace(content=content))
        return content

    def _remember(
        self,
        record: Record,
        log: Remembered,
        view: LogView,
        *,
        before: _Sight,
        is_kept: bool = False,
    ) -> LogContent:
        """Its content, which is remembered where it will show when it holds no more."""
        found, content = view.found, log.content or LogContent()
        is_other = any(
            (
                found.missing,
                found.changed,
                found.misplaced,
                found.unredacted,
                found.damaged,
                found.torn,
            )
        )
        is_seen = before.is_plain and before.is_settled and before == self._look()
        has_withdrawn = len(found.foreign) != len(view.foreign)
        if is_other or has_withdrawn or content.torn or content.standing or not is_seen:
            return content
        content = folded(content)
        log = log._replace(content=content)
        if is_kept:
            self._keep(record, log)
        else:
            record.memory.put(self.slug, log)
        return content

    def bring_up(self, grown: GrowingLog) -> None:
        """Memory and file have what was added to the log and is committed."""
        record, known = grown.record, grown.known
        count, newest = record.behind(known.position, mission=known.known.number or 0)
        # Nobody else has added to it: they were committed behind what was known.
        is_alone = count == len(grown.lines)
        stamp = self._added(known, b"".join(grown.lines)) if is_alone else None
        if stamp is None:
            record.memory.forget(self.slug)
            self._catch_up(record)
            return
        log = known._replace(position=newest, stamp=stamp, content=grown.content)
        at = checkout.look(self.project.root) if known.known.branch is None else None
        if at is not None:
            # The host wrote the file for the first time.
            log = log._replace(known=record.keep_mission(known.known._replace(branch=at.branch)))
        self._keep(record, log)

    def _keep(self, record: Record, log: Remembered) -> None:
        """What is known of the log is remembered, and its file is known to the processes that come."""
        record.memory.put(self.slug, log)
        if log.stamp is not None and log.known.number is not None:
            note_file(record, log.known.number, log.stamp, position=log.position)

    def _added(self, known: Remembered, lines: bytes) -> FileStamp | None:
        """The file's stamp after the lines were appended; None where it may not be written, or was changed."""
        at = checkout.look(self.project.root)
        is_elsewhere = known.known.branch not in (None, at.branch if at else None)
        if known.stamp is None or is_elsewhere or (at and at.operation):
            return None
        try:
            added = self.file.add(lines, to=known.stamp)
        except SpecKittyError as error:
            _log.warning("%s", error)
            return None
        is_alone = added is not None and added.size == known.stamp.size + len(lines)
        return added if is_alone else None

    def _catch_up(self, record: Record) -> None:
        try:
            self._write(record, self._view(record))
        except SpecKittyError as error:
            # It was committed, and is answered.
            _log.warning("%s", error)

    def _look(self) -> _Sight:
        missions = f"{self.project.root}/{MISSIONS}"
        folder = f"{missions}/{self.slug}"
        try:
            if not all(stat.S_ISDIR(os.lstat(it).st_mode) for it in (missions, folder)):
                return _Sight(is_plain=False)
            return _Sight(stamp=stamp(f"{folder}/{FILE_NAME}"))
        except OSError:
            # Reading it gives the error.
            return _Sight(is_plain=False)

    def _was_written(self, record: Record, known: KnownMission) -> None:
        if known.number is None:
            return
        kept, sight = record.log_of(known.number), self._look()
        # What somebody else has added shows in the size.
        if sight.stamp is not None and sight.stamp.size == sum(map(len, kept.lines)):
            log = Remembered(known=known, position=kept.position, stamp=sight.stamp, content=None)
            self._keep(record, log)
