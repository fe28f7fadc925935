"""The log of a mission, cached until the record or its file changes."""

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
from specify_cli.storage.folded_content import note_file, stored_content
from specify_cli.storage.growing_log import GrowingLog
from specify_cli.storage.log_content import LogContent, folded
from specify_cli.storage.log_file import FILE_NAME
from specify_cli.storage.log_memory import Remembered
from specify_cli.storage.log_view import LogView
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import EVENTS, Draft, KnownMission
from specify_cli.storage.record_location import MISSIONS
from specify_cli.storage.recorded_log import PreparedLines, RecordedLog

_SMALL: Final = 64 * 1024
"""Size in bytes up to which a batch may read a log."""

_log: Final = DeferredLog(__name__)


class _FileState(NamedTuple):
    """The state of a log's file, seen without reading it.

    `is_plain` is false if the file or a folder of it is a link or cannot be read.
    """

    stamp: FileStamp | None = None
    is_plain: bool = True

    @property
    def is_settled(self) -> bool:
        """Whether every later change of the file changes its stamp."""
        return self.stamp is None or self.stamp.is_settled


class RememberedLog(RecordedLog):
    """A `RecordedLog` that reads record and file only if they have changed.

    In a batch, `read`, `take_in` and `prepared` raise `NotInBatch` if reading takes long.
    """

    def read(self) -> LogContent:
        """Return the content of the log; as `RecordedLog.read`."""
        record = records.found(self.project)
        remembered = self._in_batch() or self._growing(record) or self._remembered(record)
        if remembered is not None and remembered.content is not None:
            return remembered.content
        before = self._look_before_reading()
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
        """Take lines of other programs into the record; as `RecordedLog.take_in`."""
        growing = self._in_batch()
        if growing is not None:
            return growing.content
        record = records.found(self.project)
        growing = self._growing(record)
        if growing is not None:
            return growing.content
        before = self._look_before_reading()
        content, view = self._take_in(self._view(record))
        if record is not None and view.known.number is None and not view.lines:
            # With a number, the first event costs no more than later ones.
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
        """Whether the file differs from the record; an unchanged file is not read."""
        known = self._remembered(records.found(self.project))
        return super().lags() if known is None or not known.is_taken_in else False

    def prepared(self, events: Sequence[Event]) -> PreparedLines:
        """Return what to commit; in a batch, all lines of a log are written at once."""
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
            # Earlier lines of the batch are not committed yet.
            behind=None if growing.lines else known.position,
            log=lines,
        )
        stand = partial(growing.grow, events, lines)
        if batch.current() is not None:
            return PreparedLines(drafts=[draft], follow=growing.follow, stand=stand)
        stand()
        return PreparedLines(drafts=[draft], follow=growing.follow)

    def _in_batch(self) -> GrowingLog | None:
        """Return the log as the current batch has left it; None if the batch has not read it."""
        inside = batch.current()
        return None if inside is None else inside.logs.get(self.slug)

    def _growing(self, record: Record | None) -> GrowingLog | None:
        """Return the cached log, and add it to the current batch; None if it must be read."""
        known = self._remembered(record)
        if record is None or known is None or not known.is_taken_in:
            return None
        content = self._content_of(record, known)
        growing = GrowingLog(self, record, known=known, content=content)
        inside = batch.current()
        if inside is not None:
            inside.logs[self.slug] = growing
        return growing

    def _look_before_reading(self) -> _FileState:
        """Return the state of the file before it is read."""
        state = self._look()
        if not state.is_plain or (state.stamp and state.stamp.size > _SMALL):
            batch.require_none()
        return state

    def _remembered(self, record: Record | None) -> Remembered | None:
        if record is None:
            return None
        known = record.memory.get(self.slug)
        if known is None or self._look() != _FileState(stamp=known.stamp):
            return self._stored(record)
        is_same_mission = known.known.mission_id == self.id_of(self.slug)
        number = known.known.number
        # Of the mission's newest entry, or of one that had its folder before.
        position = record.newest(self.slug) if number is None else record.position_of(number)
        return known if is_same_mission and position == known.position else self._stored(record)

    def _stored(self, record: Record) -> Remembered | None:
        """Return the log as folded in the record, if the file is as the host left it."""
        state = self._look()
        if state.stamp is None:
            return None
        known = record_missions.found_at_once(record, self.slug, self.id_of(self.slug))
        if known is None or known.number is None:
            return None
        found = stored_content(record, known.number, self.path, stamp=state.stamp)
        if found is None:
            return None
        position, content = found
        content = content._replace(plan=known.plan)
        log = Remembered(known=known, position=position, stamp=state.stamp, content=content)
        record.memory.put(self.slug, log)
        return log

    def _content_of(self, record: Record, known: Remembered) -> LogContent:
        if known.content is not None:
            return known.content
        stored = self._stored(record)
        if stored is not None and stored.content is not None and stored.position == known.position:
            return stored.content
        if known.stamp is not None and known.stamp.size > _SMALL:
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
        before: _FileState,
        is_kept: bool = False,
    ) -> LogContent:
        """Return the content of `log`; cache it if every later change will be noticed."""
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
        """Update the cache and the file with lines that are committed."""
        record, known = grown.record, grown.known
        count, newest = record.behind(known.position, mission=known.known.number or 0)
        # No other process has added lines: ours directly follow the known ones.
        is_alone = count == len(grown.lines)
        stamp = self._added(known, b"".join(grown.lines)) if is_alone else None
        if stamp is None:
            record.memory.forget(self.slug)
            try:
                self._write(record, self._view(record))
            except SpecKittyError as error:
                # The lines are committed; the request succeeds.
                _log.warning("%s", error)
            return
        log = known._replace(position=newest, stamp=stamp, content=grown.content)
        at = checkout.look(self.project.root) if known.known.branch is None else None
        if at is not None:
            # The host has written the file for the first time.
            log = log._replace(known=record.keep_mission(known.known._replace(branch=at.branch)))
        self._keep(record, log)

    def _keep(self, record: Record, log: Remembered) -> None:
        """Cache the log, and note its file for processes that start later."""
        record.memory.put(self.slug, log)
        if log.stamp is not None and log.known.number is not None:
            note_file(record, log.known.number, log.stamp, position=log.position)

    def _added(self, known: Remembered, lines: bytes) -> FileStamp | None:
        """Append the lines to the file.

        Returns:
            Its new stamp; None if it may not be written or was changed.
        """
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

    def _look(self) -> _FileState:
        missions = f"{self.project.root}/{MISSIONS}"
        folder = f"{missions}/{self.slug}"
        try:
            if not all(stat.S_ISDIR(os.lstat(it).st_mode) for it in (missions, folder)):
                return _FileState(is_plain=False)
            return _FileState(stamp=stamp(f"{folder}/{FILE_NAME}"))
        except OSError:
            # Reading the file reports the error.
            return _FileState(is_plain=False)

    def _was_written(self, record: Record, known: KnownMission) -> None:
        if known.number is None:
            return
        kept, state = record.log_of(known.number), self._look()
        # Lines that another program added change the size.
        if state.stamp is not None and state.stamp.size == sum(map(len, kept.lines)):
            log = Remembered(known=known, position=kept.position, stamp=state.stamp, content=None)
            self._keep(record, log)
