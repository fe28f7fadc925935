"""A table of journal lines: aligned columns that fit the terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from specify_cli.cli.output import styled
from specify_cli.mailbox.printable import printable

if TYPE_CHECKING:
    from specify_cli.storage.journal_rows import IndexedLine

NOTHING: Final = "-"
BETWEEN: Final = "  "
ELLIPSIS: Final = "\u2026"
OK: Final = "OK"


class Column(NamedTuple):
    """A column.

    Attributes:
        title: Its title.
        usual: Its width at least, if lines that are not known yet follow.
        least: The width to which a narrow terminal may cut it; 0 for never.
        cut_first: Whether it is cut before others.
        is_number: Whether it is aligned to the right.
    """

    title: str
    usual: int = 0
    least: int = 0
    cut_first: bool = False
    is_number: bool = False


COLUMNS: Final = (
    Column("LINE", usual=5, is_number=True),
    Column("TIME"),
    Column("ORCHESTRATOR", least=5, cut_first=True),
    Column("ACTOR", usual=10, least=8, cut_first=True),
    Column("COMMAND", usual=20, least=8),
    Column("MISSION", usual=20, least=6, cut_first=True),
    Column("WP", usual=4, least=4),
    Column("FROM -> TO", usual=26, least=10),
    Column("OUTCOME", usual=19, least=8),
    Column("TOOK", usual=7, is_number=True),
)
"""The columns of every table; a wide terminal has the id and the reason of a refusal besides."""

_ID: Final = "ID"
_REASON: Final = "REASON"
_OUTCOME: Final = 8
_DAY: Final = len("2026-11-22")
_LEAST_REASON: Final = 20
_NARROW: Final = 150
"""A terminal with fewer columns gets the date on a line of its own."""


class JournalTable:
    """Formats lines in columns whose widths the first lines and the terminal determine.

    `grows` says that more lines follow, which may be wider.
    """

    def __init__(self, *, is_local: bool, grows: bool) -> None:
        self._is_local = is_local
        self._grows = grows
        self._widths: list[int] = []
        self._width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        self._is_narrow = self._width is not None and self._width < _NARROW
        self._between = " " if self._is_narrow else BETWEEN
        self._day = ""

    @property
    def has_head(self) -> bool:
        """Whether the titles were printed."""
        return bool(self._widths)

    def head(self, lines: Sequence[IndexedLine]) -> str:
        """Return the line with the titles; these lines determine the widths."""
        rows = [self._cells(line) for line in lines]
        titles = [it.title for it in COLUMNS]
        found = [max(map(_width, column)) for column in zip(titles, *rows, strict=True)]
        self._widths = found
        if self._grows:
            self._widths = [max(it, x.usual) for it, x in zip(found, COLUMNS, strict=True)]
        if self._width is not None:
            gaps = len(self._between) * (len(COLUMNS) - 1)
            _shrink(self._widths, self._width - 1 - gaps, found=found)
        return styled(self._row([*titles], _ID, _REASON), bold=True)

    def text(self, line: IndexedLine, said: Mapping[str, Any] | None) -> str:
        """Return the line, after its date where that is new; `said` is the journal line of a refusal."""
        color = "red" if line.code else "green"
        row = self._row(self._cells(line), printable(line.id), _reason(said), fg=color)
        day = time_of(line.at, is_local=self._is_local)[:_DAY]
        if not self._is_narrow or day == self._day:
            return row
        self._day = day
        return f"{styled(day, bold=True)}\n{row}"

    def _row(self, cells: Sequence[str], name: str, reason: str, **style: Any) -> str:
        """Return the row; the id and the reason only where they fit."""
        found = [
            _fit(cell, width, is_number=column.is_number)
            for cell, width, column in zip(cells, self._widths, COLUMNS, strict=True)
        ]
        length = _width(self._between.join(found))
        if style:
            found[_OUTCOME] = styled(found[_OUTCOME], **style)
        for text in (name, reason):
            room = (
                _width(text)
                if self._width is None
                else self._width - 1 - length - len(self._between)
            )
            if text and (_width(text) <= room or (text == reason and room >= _LEAST_REASON)):
                found.append(_cut(text, room))
                length += len(self._between) + _width(found[-1])
        return self._between.join(found).rstrip()

    def _cells(self, line: IndexedLine) -> list[str]:
        return [
            str(line.seq),
            time_of(line.at, is_local=self._is_local)[_DAY + 1 if self._is_narrow else 0 :],
            *map(_shown, (line.orchestrator, line.actor, line.command, line.mission, line.wp)),
            _move(line),
            _shown(line.code or OK),
            duration(line.took_us),
        ]


def time_of(at: int | None, *, is_local: bool = False) -> str:
    """Return the time to the second, in UTC with a Z, or with the offset of the local time."""
    from specify_cli.storage import journal_rows

    if at is None:
        return NOTHING
    moment = journal_rows.moment(at)
    if is_local:
        return moment.astimezone().isoformat(sep=" ", timespec="seconds")
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def duration(microseconds: float | None) -> str:
    """Return the duration with its unit, such as 12 ms."""
    if microseconds is None:
        return NOTHING
    for unit, length in (("min", 60_000_000), ("s", 1_000_000)):
        if microseconds >= length:
            count = microseconds / length
            return f"{count:.1f} {unit}" if count < 10 else f"{count:.0f} {unit}"
    milliseconds = microseconds / 1_000
    return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"


def aligned(rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()) -> list[str]:
    """Return the rows with aligned columns; those in `numbers` are aligned to the right."""
    cells = [[*map(printable, row)] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    return [
        BETWEEN.join(
            _fit(cell, width, is_number=place in numbers)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _shrink(widths: list[int], room: int, *, found: Sequence[int]) -> None:
    """Cut the widest columns until all fit, each down to its least width.

    Names give up the room for lines that are not known yet first; `found` is what the known ones need.
    """
    while sum(widths) > room:
        spare = [
            max(0, it - max(need, column.least)) * column.cut_first
            for it, need, column in zip(widths, found, COLUMNS, strict=True)
        ]
        if not any(spare):
            break
        widths[spare.index(max(spare))] -= 1
    for cut_first in (True, False):
        while sum(widths) > room:
            left = [
                (width, place)
                for place, (width, column) in enumerate(zip(widths, COLUMNS, strict=True))
                if column.cut_first == cut_first and column.least and width > column.least
            ]
            if not left:
                break
            widths[max(left)[1]] -= 1


def _width(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    # Inside the function: few lines need it.
    from rich import cells

    return cells.cell_len(text)


def _fit(text: str, width: int, *, is_number: bool) -> str:
    text = _cut(text, width) if sys.stdout.isatty() else text
    filling = " " * (width - _width(text))
    return filling + text if is_number else text + filling


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    text = text[:width]
    while _width(text) >= width:
        text = text[:-1]
    return text + ELLIPSIS


def _shown(text: str | None) -> str:
    # The journal is untrusted: control characters must not reach the terminal.
    return printable(text) if text else NOTHING


def _move(line: IndexedLine) -> str:
    if line.to_lane is None:
        return NOTHING if line.from_lane is None else _shown(line.from_lane)
    return f"{_shown(line.from_lane)} -> {_shown(line.to_lane)}"


def _reason(said: Mapping[str, Any] | None) -> str:
    """Return the message of the refusal; a damaged line has none."""
    try:
        return printable(str(said["envelope"]["data"]["message"])) if said else ""
    except (KeyError, TypeError):
        return ""
