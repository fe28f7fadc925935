"""The log of a mission: kept in the record, and written to a file that people and git write, too.

The record decides. Lines of others that stand in the file are taken into the record before anything
is decided on them; lines that the file has lost come back to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from specify_cli import clock
from specify_cli.core.events import Event
from specify_cli.errors import SpecKittyError, StateUnreadable, StorageFailed
from specify_cli.files.stamps import FileStamp, stamp
from specify_cli.storage import (
    checkout,
    event_lines,
    log_lines,
    project_files,
    record_missions,
    records,
)
from specify_cli.storage.deferred_log import DeferredLog
from specify_cli.storage.kept_log import KeptLog, lines_of
from specify_cli.storage.layout import Layout
from specify_cli.storage.log_content import LogContent
from specify_cli.storage.log_file import FILE_NAME, LogFile
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

if TYPE_CHECKING:
    from specify_cli.storage.intents import Rows

_NOTHING_IS_LOST: Final = "the host knows what it lacks, and writes it later"
_log: Final = DeferredLog(__name__)


def _nothing() -> None:
    """What is committed alone has nothing to do."""


Stamp: TypeAlias = tuple[int, FileStamp | None]
"""Of a log: its newest entry in the record, and what tells its file from one that was changed."""


class PreparedLines(NamedTuple):
    """Lines for a log: `drafts` are to be committed, and then the file has to `follow`.

    `stand` is called where the request is decided and will be committed, others of its batch after it.
    """

    drafts: Sequence[Draft]
    follow: Callable[[], None]
    stand: Callable[[], None] = _nothing


class RecordedLog:
    """The log of the mission in the folder `slug`.

    `id_of` tells the id in the `meta.json` of the mission in a folder; None where there is neither.
    """

    __slots__ = ("id_of", "project", "slug")

    def __init__(self, *, project: Layout, slug: str, id_of: Callable[[str], str | None]) -> None:
        self.project, self.slug, self.id_of = project, slug, id_of

    @property
    def path(self) -> Path:
        """The file."""
        return self.project.mission_file(self.slug, FILE_NAME)

    @property
    def file(self) -> LogFile:
        """The file, as people and git have left it."""
        return LogFile(self.path, self.project.root, self.project.torn, self.project.host_base)

    def stamp(self) -> Stamp:
        """What is another one once the log has changed, in the record or in the file.

        Raises:
            StateUnreadable, StorageFailed: as `view`.
        """
        record = records.found(self.project)
        newest = record.newest(self.slug) if record else 0
        try:
            return newest, stamp(self.path)
        except OSError:
            return newest, None

    def view(self) -> LogView:
        """The log as record and file have it now.

        Raises:
            StateUnreadable: the file, or a folder on the way, is a link; or the record is damaged.
            StorageFailed: the disk refused.
        """
        return self._view(records.found(self.project))

    def read(self) -> LogContent:
        """What is known of the mission, for reading: lines of others count where they stand.

        Raises:
            StateUnreadable: a line of others is damaged; names file and line.
            StorageFailed: the disk refused.
        """
        return self.content_of(self.view())

    def content_of(self, view: LogView) -> LogContent:
        """As `read`, of what was looked at just now: it trusts no note of an earlier look. Raises: StateUnreadable."""
        return self._content(view)._replace(standing=self.standing(view), plan=view.known.plan)

    def standing(self, view: LogView) -> str:
        """How the file stands to the record, in words; empty where they say the same."""
        if view.found.changed:
            number = view.found.changed[0][0]
            return f"{self.path}, line {number} is not what the host wrote; run 'spec-kitty doctor'"
        if view.found.unredacted:
            number = view.found.unredacted[0][0]
            return f"{self.path}, line {number} has text that was redacted; the host takes it out with the next change"
        if not view.found.missing and len(view.found.foreign) != len(view.foreign):
            return f"{self.path} has lines that were withdrawn; they do not count"
        return f"{self.path} {self.lack(view)}" if view.found.missing else ""

    def lack(self, view: LogView) -> str:
        """What the file lacks, in words that follow its name."""
        why = checkout.hindrance(view.found, view.known, checkout.look(self.project.root))
        when = f"does not write them now, {why}" if why else "writes them with the next change"
        lines = f"{len(view.found.missing)} of {len(view.kept.lines)} lines"
        return f"lacks {lines}; the host knows them, and {when}"

    def lags(self) -> bool:
        """Whether the file is not what it is when it is right. Raises: as `view`."""
        view = self.view()
        return bool(view.kept.lines) and not view.found.is_same

    def lines(self) -> bytes:
        """What the file has once it is right, with its own ends of lines where it is.

        Raises:
            StateUnreadable, StorageFailed: as `view`.
        """
        view = self.view()
        if view.found.is_same and view.raw.endswith(b"\n"):
            return view.raw
        return b"".join(self._sound(view, self._content(view)).lines)

    def take_in(self) -> LogContent:
        """What is known of the mission; the record has all of it, the file stays as it is.

        Call it under the mission's lock.

        Raises:
            StateUnreadable: somebody changed or damaged a line; nothing was changed.
            StorageFailed: the disk refused.
        """
        content, _ = self._take_in(self.view())
        return content

    def put_right(self, *, repairs: bool = False) -> None:
        """Record and file have the same lines, as far as the file may be written; as `take_in`.

        With `repairs`, as a person asks for, it is written on any branch, and lines that somebody
        changed or damaged are put back.
        """
        _, view = self._take_in(self.view(), repairs=repairs)
        if view.raw or view.kept.lines:
            self._write(records.made(self.project), view, repairs=repairs)

    def redact(self) -> None:
        """The file has no text any more that was redacted; call it under the mission's lock.

        Raises:
            StateUnreadable: somebody changed or damaged a line; nothing was changed.
            StorageFailed: the disk refused, or the file may not be written now.
        """
        record = records.made(self.project)
        view = self._view(record)
        for number, _ in view.found.changed:
            raise event_lines.changed(self.path, number)
        if view.found.unredacted:
            # What others wrote is in the file alone.
            _, view = self._take_in(view)
            self._write(record, view, repairs=True)
            if self.view().found.unredacted:
                raise StorageFailed(f"{self.path} may not be written while git is at work")

    def append(self, events: Sequence[Event]) -> None:
        """All `events` are in the record, or none is; call it under the mission's lock.

        Raises:
            StateUnreadable, StorageFailed: as `take_in`; nothing was changed.
        """
        self.append_lines(event_lines.encode(events, mission_slug=self.slug))

    def append_lines(self, lines: bytes, *, also: Rows | None = None) -> None:
        """The same for encoded events; those that are there already do not come twice.

        What the record has to change `also` is committed with them.
        """
        prepared, record = self._prepared(lines), records.made(self.project)
        if prepared.drafts:
            first, *others = prepared.drafts
            record.commit([first._replace(also=also), *others])
        elif also is not None:
            with record.writing() as connection:
                also(connection)
        prepared.follow()

    def number(self) -> int | None:
        """The number of the mission in the record; None before it has one. Raises: as `view`."""
        return self.view().known.number

    def prepared(self, events: Sequence[Event]) -> PreparedLines:
        """What to commit so that all `events` are in the record; the lock is held until `follow`.

        Raises:
            StateUnreadable, StorageFailed: as `take_in`; nothing was changed.
        """
        return self._prepared(event_lines.encode(events, mission_slug=self.slug))

    def _prepared(self, lines: bytes) -> PreparedLines:
        record, new = records.made(self.project), lines_of(lines)
        view = self._view(record)
        if not view.found.is_behind:
            # Since `take_in`, or nobody called it.
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
        """The record has that plan of execution lanes; call it under the mission's lock.

        Raises:
            StateUnreadable, StorageFailed: as `view`; nothing was changed.
        """
        record = records.made(self.project)
        view = self._view(record)
        number = self._numbered(record, view.known).number
        draft = Draft(at=clock.timestamp(), kind=PLANNED, mission=number, log=plan)
        record.commit(_behind(view, [draft]))

    def plans(self) -> list[bytes]:
        """Every plan of execution lanes that the record has of the mission. Raises: as `view`."""
        record = records.found(self.project)
        number = self.view().known.number
        return [] if record is None or number is None else record.plans(number)

    def hindrance(self) -> str:
        """Why the host leaves its files of the mission as they are, in words; empty where it may write them.

        Raises: as `view`.
        """
        view, at = self.view(), checkout.look(self.project.root)
        if at and at.operation:
            return f"because a {at.operation} is under way"
        return checkout.hindrance(view.found, view.known, at)

    def withdrawing(self, place: int, lines: bytes) -> PreparedLines:
        """What to commit so that only `place` lines of the log count, and behind them these; as `prepared`.

        What the file had is kept in the attic. Raises: StateUnreadable, StorageFailed.
        """
        record = records.made(self.project)
        view = self._view(record)
        if view.foreign or view.found.changed:
            raise StorageFailed(
                f"somebody has written to {self.path} meanwhile; nothing was changed: ask again"
            )
        at, number = clock.timestamp(), view.known.number
        withdrawn = Draft(at=at, kind=WITHDRAWN, mission=number, place=place)
        added = Draft(at=at, kind=EVENTS, mission=number, log=lines)

        def follow() -> None:
            with _told():
                self.file.keep(view.raw)
                self._write(record, view, new=len(lines_of(lines)))

        return PreparedLines(drafts=_behind(view, [withdrawn, added]), follow=follow)

    def _view(self, record: Record | None) -> LogView:
        raw = self.file.raw()
        known, kept = KnownMission(mission_id=None, folder=self.slug), KeptLog()
        if record is not None:
            known = record_missions.look_up(
                record, self.slug, self.id_of, raw=raw, folders=self._folders
            )
        if record is not None and known.number is not None:
            kept = record.log_of(known.number)
        found = log_lines.compare(kept.lines, raw, kept.salts)
        foreign = kept.counting(found.foreign, attrgetter("line"))
        return LogView(known=known, kept=kept, raw=raw, found=found, foreign=foreign)

    def _take_in(self, view: LogView, *, repairs: bool = False) -> tuple[LogContent, LogView]:
        content, view = self._judged(view, repairs=repairs)
        if view.foreign:
            record = records.made(self.project)
            view = view._replace(known=self._numbered(record, view.known))
            record.commit(_behind(view, [*_taken_in(view)]))
        return content._replace(torn=b"", plan=view.known.plan), view

    def _folders(self) -> list[str]:
        return project_files.names_in(self.project.missions, below=self.project.root)

    def _judged(self, view: LogView, *, repairs: bool = False) -> tuple[LogContent, LogView]:
        """What is decided on, and the view without what may not be taken in."""
        content = self._content(view, repairs=repairs)
        if view.found.changed and not repairs:
            raise event_lines.changed(self.path, view.found.changed[0][0])
        view = self._sound(view, content)
        at = checkout.look(self.project.root) if view.foreign and not repairs else None
        if at and at.operation:
            raise StateUnreadable(
                f"{self.path} has lines that a {at.operation} has brought, and it is under way: finish"
                " or abort it, and ask again",
                file=str(self.path),
                line=view.foreign[0].number,
            )
        return content, view

    def _content(self, view: LogView, *, repairs: bool = False) -> LogContent:
        """The events; what stands at the end and is not a whole append is torn."""
        if view.found.damaged and not (repairs and view.kept.lines):
            if view.kept.lines:
                raise event_lines.not_json(self.path, view.found.damaged[0])
            # It finds the line, and says which.
            event_lines.parse(view.raw, self.path)
        numbers = {it.line: it.number for it in view.foreign}
        numbered = (
            (numbers.get(line, place), line) for place, line in enumerate(view.lines, start=1)
        )
        content = event_lines.parse_lines(numbered, self.path)
        return content._replace(torn=content.torn + view.found.torn)

    def _sound(self, view: LogView, content: LogContent) -> LogView:
        """The view without the lines of an append of somebody else that is not whole."""
        torn = len(view.lines) - content.sound_lines
        behind = sum(it.after >= len(view.kept.lines) for it in view.foreign)
        return view._replace(foreign=view.foreign[: len(view.foreign) - min(torn, behind)])

    def _numbered(self, record: Record, known: KnownMission) -> KnownMission:
        """The record knows the mission under its folder and id of today."""
        if known.number is not None and known in record.missions(
            known.mission_id, folder=known.folder
        ):
            return known
        return record.keep_mission(known)

    def _write(self, record: Record, view: LogView, *, new: int = 0, repairs: bool = False) -> None:
        """The file has the lines of the record, where it may be written.

        It was looked at before: `new` lines have come to the record since.
        """
        at = checkout.look(self.project.root)
        number = view.known.number
        kept = KeptLog() if number is None else record.log_of(number)
        found = log_lines.compare(kept.lines, view.raw, kept.salts)
        hindrance = checkout.hindrance(found, view.known, at, new=new)
        is_wrong = bool(found.changed or found.damaged)
        if repairs and (is_wrong or not (at and at.operation)):
            hindrance = ""
        if hindrance:
            _log.warning("%s was not written, %s; %s", self.path, hindrance, _NOTHING_IS_LOST)
            return
        try:
            raw = log_lines.redacted(view.raw, found, kept.lines)
            self.file.bring_to(kept.lines, raw=view.raw, kept=raw, withdrawn=kept.withdrawn)
        except StorageFailed as error:
            if repairs:
                raise
            _log.warning("%s; %s", error, _NOTHING_IS_LOST)
            return
        known = view.known._replace(branch=at.branch if at else None)
        if number is not None and known != view.known:
            record.keep_mission(known)
        self._was_written(record, known)

    def _was_written(self, record: Record, known: KnownMission) -> None:
        """Called when the file has the lines of the record."""


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong with the file is told: it was committed, and is answered."""
    try:
        yield
    except SpecKittyError as error:
        _log.warning("%s; %s", error, _NOTHING_IS_LOST)


def _behind(view: LogView, drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts, which were decided on that view."""
    return [drafts[0]._replace(behind=view.kept.position), *drafts[1:]]


def _taken_in(view: LogView) -> Iterator[Draft]:
    """A draft for each run of lines of others."""
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
