"""The log of a mission, which is read again only where the record or a file has changed."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from specify_cli import clock
from specify_cli.core.events import Event
from specify_cli.errors import SpecKittyError
from specify_cli.files.stamps import stamp
from specify_cli.storage import checkout, event_lines, records
from specify_cli.storage.layout import MISSIONS
from specify_cli.storage.log_content import LogContent, folded
from specify_cli.storage.log_file import FILE_NAME
from specify_cli.storage.log_memory import Remembered, Seen
from specify_cli.storage.log_view import LogView
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import EVENTS, Draft, KnownMission
from specify_cli.storage.recorded_log import PreparedLines, RecordedLog

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedLog(RecordedLog):
    """As `RecordedLog`, which it asks wherever it remembers nothing that still holds."""

    def read(self) -> LogContent:
        """As `RecordedLog.read`."""
        record = records.found(self.project)
        known = self._remembered(record)
        if record is None or known is None:
            seen, view = self._seen(), self._view(record)
            return self._remember(record, view, self._read(view), seen=seen)
        return self._content_of(record, known)

    def take_in(self) -> LogContent:
        """As `RecordedLog.take_in`."""
        record = records.found(self.project)
        known = self._remembered(record)
        if record is None or known is None:
            seen, view = self._seen(), self._view(record)
            return self._remember(record, view, self._take_in(view)[0], seen=seen)
        return self._content_of(record, known)

    def prepared(self, events: Sequence[Event]) -> PreparedLines:
        """As `RecordedLog.prepared`."""
        record = records.made(self.project)
        known = self._remembered(record)
        lines = event_lines.encode(events, mission_slug=self.slug)
        if known is None:
            return self._prepared(lines)
        draft = Draft(
            at=clock.timestamp(),
            kind=EVENTS,
            mission=known.known.number,
            behind=known.position,
            log=lines,
        )
        follow = partial(self._follow, known, events, lines)
        return PreparedLines(drafts=[draft], follow=follow)

    def _remembered(self, record: Record | None) -> Remembered | None:
        known = record.memory.get(self.slug) if record else None
        if record is None or known is None or known.seen != self._seen():
            return None
        return known if record.position_of(known.known.number or 0) == known.position else None

    def _content_of(self, record: Record, known: Remembered) -> LogContent:
        if known.content is not None:
            return known.content
        lines = record.log_of(known.known.number or 0).lines
        content = folded(event_lines.parse_lines(enumerate(lines, start=1), self.path))
        if not content.torn:
            record.memory.put(self.slug, replace(known, content=content))
        return content

    def _remember(
        self, record: Record | None, view: LogView, content: LogContent, *, seen: Seen | None
    ) -> LogContent:
        """The content, which is remembered where it will be known when it holds no more."""
        is_whole = view.found.is_same and not view.foreign and not content.torn
        is_known = record is not None and view.known.number is not None
        if record is None or not (is_whole and is_known and seen and seen.is_settled):
            return content
        if seen != self._seen():
            return content
        content = folded(content)
        log = Remembered(known=view.known, position=view.kept.position, seen=seen, content=content)
        record.memory.put(self.slug, log)
        return content

    def _follow(self, known: Remembered, events: Sequence[Event], lines: bytes) -> None:
        """Memory and file have what was committed."""
        record = records.made(self.project)
        new = [*record.entries(after=known.position, mission=known.known.number)]
        is_alone = [(it.log, it.place) for it in new] == [(lines, None)]
        seen = self._added(known, lines) if is_alone else None
        if seen is None:
            record.memory.forget(self.slug)
            self._catch_up(record)
            return
        content = known.content
        if content is not None and content.folded is not None:
            whole = content.folded.grown(events)
            content = replace(content, events=whole.events, folded=whole)
        log = replace(known, position=new[0].position, seen=seen, content=content)
        record.memory.put(self.slug, log)

    def _added(self, known: Remembered, lines: bytes) -> Seen | None:
        """What is seen after the lines were appended to the file; None where it may not be written, or was changed."""
        at = checkout.look(self.project.root)
        is_elsewhere = known.known.branch != (at.branch if at else None)
        if known.seen.log is None or is_elsewhere or (at and at.operation):
            return None
        try:
            added = self.file.add(lines, to=known.seen.log)
        except SpecKittyError as error:
            _log.warning("%s", error)
            return None
        is_alone = added and added.size == known.seen.log.size + len(lines)
        return replace(known.seen, log=added) if is_alone else None

    def _catch_up(self, record: Record) -> None:
        try:
            self._write(record, self._view(record))
        except SpecKittyError as error:
            # It was committed, and is answered.
            _log.warning("%s", error)

    def _seen(self) -> Seen | None:
        """What is to be seen of the files; None where they do not lie in folders of their own."""
        missions = f"{self.project.root}/{MISSIONS}"
        folder = f"{missions}/{self.slug}"
        try:
            if not all(stat.S_ISDIR(os.lstat(it).st_mode) for it in (missions, folder)):
                return None
            return Seen(log=stamp(f"{folder}/{FILE_NAME}"), meta=stamp(f"{folder}/meta.json"))
        except OSError:
            # Whoever reads them says what is wrong.
            return None

    def _was_written(self, record: Record, known: KnownMission) -> None:
        if known.number is None:
            return
        kept, seen = record.log_of(known.number), self._seen()
        if seen is None or seen.log is None or not (seen.meta is None or seen.meta.is_settled):
            return
        if seen.log.size == sum(map(len, kept.lines)):
            log = Remembered(known=known, position=kept.position, seen=seen, content=None)
            record.memory.put(self.slug, log)
