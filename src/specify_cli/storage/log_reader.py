"""Read the log of a mission from the record and its file.

The record decides. Lines of other programs are read from the file; lines that the file has lost,
from the record.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import TypeAlias

from specify_cli.files.stamps import FileStamp, stamp
from specify_cli.storage import (
    checkout,
    event_lines,
    log_comparison,
    project_files,
    record_missions,
    records,
)
from specify_cli.storage.layout import Layout
from specify_cli.storage.log_content import LogContent
from specify_cli.storage.log_file import FILE_NAME, LogFile
from specify_cli.storage.log_view import LogView
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import (
    KnownMission,
)
from specify_cli.storage.record_lines import RecordLines

Stamp: TypeAlias = tuple[int, FileStamp | None]
"""The newest entry of a log in the record, and the stamp of its file."""


class LogReader:
    """The log of the mission in the folder `slug`, for reading.

    `id_of` returns the id in the `meta.json` of the mission in a folder, or None.
    """

    __slots__ = ("id_of", "project", "slug")

    def __init__(self, *, project: Layout, slug: str, id_of: Callable[[str], str | None]) -> None:
        self.project, self.slug, self.id_of = project, slug, id_of

    @property
    def path(self) -> Path:
        """The path of the log's file."""
        return self.project.mission_file(self.slug, FILE_NAME)

    @property
    def file(self) -> LogFile:
        """The log's file in the working tree."""
        return LogFile(self.path, self.project.root, self.project.torn, self.project.host_base)

    def stamp(self) -> Stamp:
        """Return a value that changes with the log, in the record or in the file.

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
        """Compare the record with the file as they are now.

        Raises:
            StateUnreadable: the file or a folder on its path is a link; or the record is damaged.
            StorageFailed: the disk fails.
        """
        return self._view(records.found(self.project))

    def read(self) -> LogContent:
        """Return the content of the log for a reader: lines of other programs count where they stand.

        Raises:
            StateUnreadable: a line of another program is damaged; names file and line.
            StorageFailed: the disk fails.
        """
        return self.content_of(self.view())

    def content_of(self, view: LogView) -> LogContent:
        """Return the content of a view; it uses no note of an earlier read.

        Raises:
            StateUnreadable: as `read`.
        """
        return self._content(view)._replace(standing=self.standing(view), plan=view.known.plan)

    def standing(self, view: LogView) -> str:
        """Describe how the file differs from the record; empty if they agree."""
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
        """Describe what the file lacks, as a clause that follows its name."""
        why = checkout.hindrance(view.found, view.known, checkout.look(self.project.root))
        when = f"does not write them now, {why}" if why else "writes them with the next change"
        lines = f"{len(view.found.missing)} of {len(view.kept.lines)} lines"
        return f"lacks {lines}; the host knows them, and {when}"

    def lags(self) -> bool:
        """Whether the file differs from the lines of the record.

        Raises:
            StateUnreadable, StorageFailed: as `view`.
        """
        view = self.view()
        return bool(view.kept.lines) and not view.found.is_same

    def lines(self) -> bytes:
        """Return the bytes of a correct file; of a correct one, its own bytes.

        Raises:
            StateUnreadable, StorageFailed: as `view`.
        """
        view = self.view()
        if view.found.is_same and view.raw.endswith(b"\n"):
            return view.raw
        return b"".join(self._sound(view, self._content(view)).lines)

    def number(self) -> int | None:
        """Return the mission's number in the record; None before it has one.

        Raises:
            StateUnreadable, StorageFailed: as `view`.
        """
        return self.view().known.number

    def plans(self) -> list[bytes]:
        """Return every plan of execution lanes that the record has of the mission.

        Raises:
            StateUnreadable, StorageFailed: as `view`.
        """
        record = records.found(self.project)
        number = self.view().known.number
        return [] if record is None or number is None else record.plans(number)

    def hindrance(self) -> str:
        """Describe why the host does not write the mission's files now; empty if it may.

        Raises:
            StateUnreadable, StorageFailed: as `view`.
        """
        view, at = self.view(), checkout.look(self.project.root)
        if at and at.operation:
            return f"because a {at.operation} is under way"
        return checkout.hindrance(view.found, view.known, at)

    def _view(self, record: Record | None) -> LogView:
        raw = self.file.raw()
        known, kept = KnownMission(mission_id=None, folder=self.slug), RecordLines()
        if record is not None:
            known = record_missions.look_up(
                record, self.slug, self.id_of, raw=raw, folders=self._folders
            )
        if record is not None and known.number is not None:
            kept = record.log_of(known.number)
        found = log_comparison.compare(kept.lines, raw, kept.salts)
        foreign = kept.counting(found.foreign, attrgetter("line"))
        return LogView(known=known, kept=kept, raw=raw, found=found, foreign=foreign)

    def _folders(self) -> list[str]:
        return project_files.names_in(self.project.missions, below=self.project.root)

    def _content(self, view: LogView, *, repairs: bool = False) -> LogContent:
        """Parse the lines; an incomplete append at the end counts as torn."""
        if view.found.damaged and not (repairs and view.kept.lines):
            if view.kept.lines:
                raise event_lines.not_json(self.path, view.found.damaged[0])
            # This raises the error that names the line.
            event_lines.parse(view.raw, self.path)
        numbers = {it.line: it.number for it in view.foreign}
        numbered = (
            (numbers.get(line, place), line) for place, line in enumerate(view.lines, start=1)
        )
        content = event_lines.parse_lines(numbered, self.path)
        return content._replace(torn=content.torn + view.found.torn)

    def _sound(self, view: LogView, content: LogContent) -> LogView:
        """Drop from the view the lines of an incomplete append of another program."""
        torn = len(view.lines) - content.sound_lines
        behind = sum(it.after >= len(view.kept.lines) for it in view.foreign)
        return view._replace(foreign=view.foreign[: len(view.foreign) - min(torn, behind)])
