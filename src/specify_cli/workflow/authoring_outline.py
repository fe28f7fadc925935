"""The work packages that a person outlined in `tasks.md`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from specify_cli.core.drafts import PackageDraft
from specify_cli.errors import UsageError

HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*")
PACKAGE = re.compile(
    r"(?:Work Package\s+)?(WP[0-9]+)\b\s*(?:[:.\u2013\u2014-]\s*)?(.*)", re.IGNORECASE
)
FIELD = re.compile(
    r"[\s*_-]*(dependencies|depends on|owned files)[*_]*\s*:[*_]*\s*(.*)", re.IGNORECASE
)
CHECKBOX = re.compile(r"\s*[-*+]\s+\[[ xX]\]\s+(.+)")
SUBTASK_ID = re.compile(r"\W*(T[0-9]+)\b", re.ASCII)
FENCE = re.compile(r"\s{0,3}(```|~~~)")
PACKAGE_ID = re.compile(r"WP[0-9]+", re.ASCII)
NOTHING = frozenset({"", "-", "none", "n/a", "nothing"})


@dataclass(slots=True, kw_only=True)
class Section:
    """One package's part of `tasks.md` while it is read; `line` is where its heading stands."""

    wp_id: str
    title: str
    line: int
    level: int
    dependencies: list[str] = field(default_factory=list)
    owned_files: list[str] = field(default_factory=list)
    subtasks: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    @property
    def draft(self) -> PackageDraft:
        """The package as its author described it."""
        return PackageDraft(
            title=self.title,
            dependencies=tuple(self.dependencies),
            owned_files=tuple(self.owned_files),
            subtasks=tuple(self.subtasks),
            prompt="\n".join(self.text).strip() or None,
        )


def read_outline(text: str) -> dict[str, PackageDraft]:
    """The packages of `tasks.md` by id, in the order of the file; subtasks are by their ids.

    Raises: UsageError naming the line that is wrong.
    """
    sections: dict[str, Section] = {}
    for section in _sections(text.splitlines()):
        if section.wp_id in sections:
            first = sections[section.wp_id].line
            raise _wrong(section.line, f"{section.wp_id} has a heading at line {first} already")
        sections[section.wp_id] = section
    return {wp_id: section.draft for wp_id, section in sections.items()}


def subtask_name(text: str) -> str:
    """The id that a checkbox is known by: the `T001` that it begins with, else all its words."""
    numbered = SUBTASK_ID.match(text)
    return numbered[1] if numbered else text.strip()


def _sections(lines: Sequence[str]) -> Iterator[Section]:
    current: Section | None = None
    is_code = False
    for number, line in enumerate(lines, start=1):
        is_code ^= FENCE.match(line) is not None
        heading = None if is_code else HEADING.fullmatch(line)
        if heading and _ends(heading, current):
            if current:
                yield current
            current = _section(heading, number)
        elif current and is_code:
            current.text.append(line)
        elif current:
            _read_line(current, line, number)
    if current:
        yield current


def _ends(heading: re.Match[str], current: Section | None) -> bool:
    """Whether a heading begins another part of the file, rather than dividing the package's text."""
    is_package = PACKAGE.fullmatch(heading[2]) is not None
    return is_package or current is None or len(heading[1]) <= current.level


def _section(heading: re.Match[str], number: int) -> Section | None:
    package = PACKAGE.fullmatch(heading[2])
    if package is None:
        return None
    if not package[2]:
        raise _wrong(number, f"{package[1]} has no title: write '## {package[1]} What it is about'")
    return Section(wp_id=package[1].upper(), title=package[2], line=number, level=len(heading[1]))


def _read_line(section: Section, line: str, number: int) -> None:
    named = FIELD.fullmatch(line)
    box = CHECKBOX.fullmatch(line)
    if named and named[1].lower() == "owned files":
        section.owned_files += [part.strip("`") for part in _parts(named[2])]
    elif named:
        section.dependencies += [_package_id(part, number) for part in _parts(named[2])]
    else:
        section.text.append(line)
    if box:
        section.subtasks.append(subtask_name(box[1]))


def _parts(text: str) -> list[str]:
    parts = [part.strip() for part in text.strip().removesuffix(".").split(",")]
    return [part for part in parts if part.lower() not in NOTHING]


def _package_id(text: str, number: int) -> str:
    name = text.strip("`").upper()
    if not PACKAGE_ID.fullmatch(name):
        raise _wrong(number, f"{text[:80]!r} is no package's id: write WP01, WP02 or none")
    return name


def _wrong(number: int, complaint: str) -> UsageError:
    return UsageError(f"tasks.md, line {number}: {complaint}")
