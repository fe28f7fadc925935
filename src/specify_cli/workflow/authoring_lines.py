"""Split `tasks.md` into lines, and mark code and comments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from specify_cli.errors import UsageError
from specify_cli.patterns import pattern

FENCE = pattern(r"\s{0,3}(`{3,}|~{3,})(.*)")
_ASCII = str.maketrans(
    "\uff1a\uff0c\u3001\uff1b\uff08\uff09\u00a0\u3000", ":,,;()  ", "\ufeff\u200b"
)


class LineRefused(UsageError):
    """A line of `tasks.md` is refused; the message has its number, `complaint` does not."""

    def __init__(self, line: Line, complaint: str, *, advice: str) -> None:
        self.line = line.number
        self.complaint = f"{line.raw.strip()[:120]!r} {complaint}"
        self.advice = advice
        super().__init__(f"tasks.md, line {self.line}: {self.complaint}; {advice}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the file; `shown` is its text without code and comments.

    In `shown`, colons, commas and spaces of other scripts are replaced by those of ASCII.
    """

    number: int
    raw: str
    shown: str | None
    is_code: bool = False

    def wrong(self, complaint: str, *, advice: str) -> LineRefused:
        """Return the error about this line."""
        return LineRefused(self, complaint, advice=advice)

    def misread(self, complaint: str, *, instead: str) -> LineRefused:
        """Return the error about this line, with a line to write instead."""
        return self.wrong(complaint, advice=f"write {instead!r} instead")


def lines_of(text: str) -> Iterator[Line]:
    """Yield the lines of the file.

    Raises:
        UsageError: code or a comment is not closed, which would hide all lines after it.
    """
    fence, comment = "", False
    opened: Line | None = None
    for number, raw in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        mark = None if comment else FENCE.match(raw)
        if fence:
            is_end = mark and mark[1].startswith(fence) and not mark[2].strip()
            fence = "" if is_end else fence
            yield Line(number=number, raw=raw, shown=None, is_code=True)
        elif mark:
            fence, opened = mark[1], Line(number=number, raw=raw, shown=None, is_code=True)
            yield opened
        else:
            was, (shown, comment) = comment, _uncommented(raw, is_comment=comment)
            line = Line(number=number, raw=raw, shown=shown)
            opened = line if comment and not was else opened
            yield line
    if opened and fence:
        raise opened.wrong(
            "begins code that is not closed", advice=f"write {fence!r} below the code"
        )
    if opened and comment:
        raise opened.wrong("begins a comment that is not closed", advice="write '-->' after it")


def _uncommented(raw: str, *, is_comment: bool) -> tuple[str | None, bool]:
    """Return the line without comments, None if it is all comment, and whether a comment stays open."""
    was, shown, rest = is_comment, "", raw
    while rest:
        mark = "-->" if is_comment else "<!--"
        before, found, rest = rest.partition(mark)
        shown += "" if is_comment else before
        is_comment ^= bool(found)
    return (None if was and not shown.strip() else shown.translate(_ASCII)), is_comment
