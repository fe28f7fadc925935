"""Write the log of a mission: to the record, and to a file that people and git also write.

The record decides. A changing request first takes lines of other programs into the record; lines
that the file has lost are written again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from specify_cli import clock
from specify_cli.core.events import Event
from specify_cli.errors import SpecKittyError, StateUnreadable, StorageFailed
from specify_cli.storage import (
    checkout,
    event_lines,
    log_comparison,
    records,
)
from specify_cli.storage.deferred_log import DeferredLog
from specify_cli.storage.log_content import LogContent
from specify_cli.storage.log_reader import LogReader
from specify_cli.storage.log_view import LogView
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import (
    EVENTS,
    PLANNED,
    TAKEN_IN,
    WITHDRAWN,
    Draft,
    KnownMission,
)
from specify_cli.storage.record_lines import RecordLines, lines_of

if TYPE_CHECKING:
    from specify_cli.storage.intents import Rows

_WRITTEN_LATER: Final = "nothing is lost: the record has the lines, and the host writes them later"
_log: Final = DeferredLog(__name__)


def _nothing() -> None:
    """Do nothing: the default of `PreparedLines.stand`."""


class PreparedLines(NamedTuple):
    """Lines for a log: commit `drafts`, then call `follow` to update the file.

    Call `stand` once the request is decided, before later requests of its batch are.
    """

    drafts: Sequence[Draft]
    follow: Callable[[], None]
    stand: Callable[[], None] = _nothing


class RecordedLog(LogReader):
    """The log of a mission, for reading and writing; writers hold the mission's lock."""

    __slots__ = ()

    def take_in(self) -> LogContent:
        """Take lines of other programs into the record, leave the file unchanged, and return the content.

        Raises:
            StateUnreadable: a line was changed or damaged; nothing was changed.
            StorageFailed: the disk fails.
        """
        content, _ = self._take_in(self.view())
        return content

    def put_right(self, *, repairs: bool = False) -> None:
        """Make the record and the file agree, as far as the file may be written.

        With `repairs`, at a person's request, write the file on any branch and restore changed or
        damaged lines.

        Raises:
            StateUnreadable, StorageFailed: as `take_in`.
        """
        _, view = self._take_in(self.view(), repairs=repairs)
        if view.raw or view.kept.lines:
            self._write(records.made(self.project), view, repairs=repairs)

    def redact(self) -> None:
        """Remove redacted text from the file.

        Raises:
            StateUnreadable: a line was changed or damaged; nothing was changed.
            StorageFailed: the disk fails, or the file may not be written now.
        """
        record = records.made(self.project)
        view = self._view(record)
        for number, _ in view.found.changed:
            raise event_lines.changed(self.path, number)
        if view.found.unredacted:
            # Only the file has the lines of other programs.
            _, view = self._take_in(view)
            self._write(record, view, repairs=True)
            if self.view().found.unredacted:
                raise StorageFailed(
                    f"{self.path} may not be written while a git command is running; try again"
                )

    def append(self, events: Sequence[Event]) -> None:
        """Commit all `events` or none.

        Raises:
            StateUnreadable, StorageFailed: as `take_in`; nothing was changed.
        """
        self.append_lines(event_lines.encode(events, mission_slug=self.slug))

    def append_lines(self, lines: bytes, *, also: Rows | None = None) -> None:
        """Commit encoded events; skip those that are there already.

        `also` changes other rows of the record in the same transaction.

        Raises:
            StateUnreadable, StorageFailed: as `take_in`; nothing was changed.
        """
        prepared, record = self._prepared(lines), records.made(self.project)
        if prepared.drafts:
            first, *others = prepared.drafts
            record.commit([first._replace(also=also), *others])
        elif also is not None:
            with record.writing() as connection:
                also(connection)
        prepared.follow()

    def prepared(self, events: Sequence[Event]) -> PreparedLines:
        """Return what to commit to append all `events`; keep the lock until `follow` returns.

        Raises:
            StateUnreadable, StorageFailed: as `take_in`; nothing was changed.
        """
        return self._prepared(event_lines.encode(events, mission_slug=self.slug))

    def _prepared(self, lines: bytes) -> PreparedLines:
        record, new = records.made(self.project), lines_of(lines)
        view = self._view(record)
        if not view.found.is_behind:
            # The file changed after `take_in`, or `take_in` was not called.
            _, view = self._judged(view)
        is_new = bool(new) and new[0] not in view.lines
        drafts: list[Draft] = []
        if is_new or view.foreign:
            view = view._replace(known=self._numbered(record, view.known))
            at, number = clock.timestamp(), view.known.number
            own = [Draft(at=at, kind=EVENTS, mission=number, log=lines)] if is_new else []
            drafts = _behind(view, [*_taken_in(view), *own])
        follow = partial(self._write, record, view, new=len(new))
        return PreparedLines(drafts=drafts, follow=follow)

    def keep_plan(self, plan: bytes) -> None:
        """Commit that plan of execution lanes.

        Raises:
            StateUnreadable, StorageFailed: as `view`; nothing was changed.
        """
        record = records.made(self.project)
        view = self._view(record)
        number = self._numbered(record, view.known).number
        draft = Draft(at=clock.timestamp(), kind=PLANNED, mission=number, log=plan)
        record.commit(_behind(view, [draft]))

    def withdrawing(self, place: int, lines: bytes) -> PreparedLines:
        """Return what to commit so that the log has its first `place` lines, then `lines`.

        `follow` keeps the former content of the file in the attic.

        Raises:
            StateUnreadable, StorageFailed: as `prepared`.
        """
        record = records.made(self.project)
        view = self._view(record)
        if view.foreign or view.found.changed:
            raise StorageFailed(
                f"another program has changed {self.path} meanwhile; nothing was changed: repeat the request"
            )
        at, number = clock.timestamp(), view.known.number
        withdrawn = Draft(at=at, kind=WITHDRAWN, mission=number, place=place)
        added = Draft(at=at, kind=EVENTS, mission=number, log=lines)

        def follow() -> None:
            with _logged():
                self.file.keep(view.raw)
                self._write(record, view, new=len(lines_of(lines)))

        return PreparedLines(drafts=_behind(view, [withdrawn, added]), follow=follow)

    def _take_in(self, view: LogView, *, repairs: bool = False) -> tuple[LogContent, LogView]:
        content, view = self._judged(view, repairs=repairs)
        if view.foreign:
            record = records.made(self.project)
            view = view._replace(known=self._numbered(record, view.known))
            record.commit(_behind(view, [*_taken_in(view)]))
        return content._replace(torn=b"", plan=view.known.plan), view

    def _judged(self, view: LogView, *, repairs: bool = False) -> tuple[LogContent, LogView]:
        """Return the content that decisions use, and the view without incomplete appends."""
        content = self._content(view, repairs=repairs)
        if view.found.changed and not repairs:
            raise event_lines.changed(self.path, view.found.changed[0][0])
        view = self._sound(view, content)
        at = checkout.look(self.project.root) if view.foreign and not repairs else None
        if at and at.operation:
            raise StateUnreadable(
                f"{self.path} has lines from a {at.operation} that is in progress: finish"
                " or abort it, then repeat the request",
                file=str(self.path),
                line=view.foreign[0].number,
            )
        return content, view

    def _numbered(self, record: Record, known: KnownMission) -> KnownMission:
        """Store the mission's current folder and id in the record."""
        if known.number is not None and known in record.missions(
            known.mission_id, folder=known.folder
        ):
            return known
        return record.keep_mission(known)

    def _write(self, record: Record, view: LogView, *, new: int = 0, repairs: bool = False) -> None:
        """Write the record's lines to the file, if it may be written.

        `new` is the number of lines committed since `view` was taken.
        """
        at = checkout.look(self.project.root)
        number = view.known.number
        kept = RecordLines() if number is None else record.log_of(number)
        found = log_comparison.compare(kept.lines, view.raw, kept.salts)
        hindrance = checkout.hindrance(found, view.known, at, new=new)
        is_wrong = bool(found.changed or found.damaged)
        if repairs and (is_wrong or not (at and at.operation)):
            hindrance = ""
        if hindrance:
            _log.warning("%s was not written, %s; %s", self.path, hindrance, _WRITTEN_LATER)
            return
        try:
            raw = log_comparison.redacted(view.raw, found, kept.lines)
            self.file.bring_to(kept.lines, raw=view.raw, kept=raw, withdrawn=kept.withdrawn)
        except StorageFailed as error:
            if repairs:
                raise
            _log.warning("%s; %s", error, _WRITTEN_LATER)
            return
        known = view.known._replace(branch=at.branch if at else None)
        if number is not None and known != view.known:
            record.keep_mission(known)
        self._was_written(record, known)

    def _was_written(self, record: Record, known: KnownMission) -> None:
        """Hook: the file now has the lines of the record."""


@contextmanager
def _logged() -> Iterator[None]:
    """Log a problem with the file: the lines are committed, and the request succeeds."""
    try:
        yield
    except SpecKittyError as error:
        _log.warning("%s; %s", error, _WRITTEN_LATER)


def _behind(view: LogView, drafts: Sequence[Draft]) -> list[Draft]:
    """Return drafts that are valid only if the view is still the newest."""
    return [drafts[0]._replace(behind=view.kept.position), *drafts[1:]]


def _taken_in(view: LogView) -> Iterator[Draft]:
    """Yield a draft for each run of lines of other programs."""
    before = 0
    for after, run in groupby(view.foreign, key=lambda it: it.after):
        lines = [it.line for it in run]
        yield Draft(
            at=clock.timestamp(),
            kind=TAKEN_IN,
            mission=view.known.number,
            place=after + before,
            log=b"".join(lines),
        )
        before += len(lines)
