"""Reads the lines of `tasks.md`: sections of packages, and what they state."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from specify_cli.core.drafts import PackageDraft
from specify_cli.core.package_references import (
    MENTION,
    NOTHING,
    NotUnderstood,
    mentions,
    number_of,
    plain_text,
    read_references,
)
from specify_cli.workflow.authoring_fields import (
    BULLET,
    CHECKBOX,
    Field,
    Kind,
    cells,
    fields_of,
    kind_of,
    looks_stated,
    patterns,
)
from specify_cli.workflow.authoring_headings import HEADING, package_in, require_hash_form
from specify_cli.workflow.authoring_lines import Line
from specify_cli.workflow.authoring_needs import (
    Need,
    Stated,
    Statements,
    known_package,
    needs_by_package,
)

RULE = re.compile(r" {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})")
SUBTASK_ID = re.compile(r"\W*(T[0-9]+)\b", re.ASCII)


@dataclass(slots=True, kw_only=True)
class Section:
    """One package's part of `tasks.md` while it is read, with the line of its heading.

    `owned_at` is the first line that states which files it owns.
    """

    wp_id: str
    title: str
    line: Line
    level: int
    owned_at: Line | None = None
    owned_files: dict[str, None] = field(default_factory=dict)
    subtasks: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def draft(self, needs: Stated | None) -> PackageDraft:
        """The package as its author described it."""
        return PackageDraft(
            title=self.title,
            dependencies=needs.names if needs else (),
            owned_files=tuple(self.owned_files),
            subtasks=tuple(self.subtasks),
            prompt="\n".join(self.text).strip() or None,
        )


@dataclass(slots=True, kw_only=True)
class OpenList:
    """A key whose values stand on the lines below it; a heading's go on to the next heading."""

    key: Field
    is_heading: bool = False
    is_after_blank: bool = False


def subtask_name(text: str) -> str:
    """The id that a checkbox is known by: the `T001` that it begins with, else all its words."""
    numbered = SUBTASK_ID.match(text)
    return numbered[1] if numbered else text.strip()


class Reader:
    """Takes the lines of the file one by one.

    `needs` is what they say of dependencies, `mentioning` the headings that name a package whose
    part of the file they do not begin.
    """

    def __init__(self, existing: Collection[str]) -> None:
        self.sections: dict[str, Section] = {}
        self.needs: list[Need] = []
        self.mentioning: list[Line] = []
        self._existing = existing
        self._section: Section | None = None
        self._list: OpenList | None = None
        self._prose: Line | None = None
        self._column = 0

    def read(self, line: Line) -> None:
        """Take the next line.

        Raises:
            UsageError: it looks like a statement, and is not understood.
        """
        above, self._prose = self._prose, None
        heading = HEADING.fullmatch(line.shown) if line.shown else None
        if heading:
            self._read_heading(heading, line)
        elif line.shown is None:
            self._keep(line)
        elif not line.shown.strip():
            self._keep(line)
            if self._list:
                self._list.is_after_blank = True
        elif line.shown.lstrip().startswith("|"):
            self._keep(line)
            self._read_row(line, line.shown)
        else:
            require_hash_form(line, line.shown, above=above)
            self._column = 0
            self._read_text(line, line.shown)

    def statements(self) -> Statements:
        """What was read, of packages with a section or a prompt.

        Raises:
            UsageError: a line names an unknown package, or contradicts another.
        """
        sections = self.sections
        return Statements(
            dependencies=self.stated_needs(self._known),
            owned_files={
                wp_id: Stated(names=tuple(it.owned_files), line=it.owned_at)
                for wp_id, it in sections.items()
                if it.owned_at
            },
            headings={wp_id: it.line for wp_id, it in sections.items()},
        )

    def stated_needs(self, outlined: Collection[str]) -> dict[str, Stated]:
        """What was read of the dependencies of these packages.

        Raises:
            UsageError: a line names an unknown package, or contradicts another.
        """
        for line in self.mentioning:
            for name in mentions(line.raw):
                known_package(name, self._known, line)
        return needs_by_package(self.needs, outlined, self._known)

    @property
    def _known(self) -> Collection[str]:
        return dict.fromkeys((*self._existing, *self.sections))

    def _keep(self, line: Line) -> None:
        if self._section:
            self._section.text.append(line.raw)

    def _read_heading(self, heading: re.Match[str], line: Line) -> None:
        self._list, self._column = None, 0
        level, text = len(heading[1]), heading[2]
        package = package_in(text, line)
        if package:
            self._section = self._new_section(*package, line=line, level=level)
            return
        if MENTION.search(text):
            self.mentioning.append(line)
        if self._section and level <= self._section.level:
            self._section = None
        self._keep(line)
        if self._section:
            self._read_key_heading(plain_text(text), line)

    def _read_key_heading(self, text: str, line: Line) -> None:
        """A heading within a package may be a key, whose values stand below it."""
        name, _, value = text.partition(":")
        kind = kind_of(name, line)
        if kind:
            key = Field(kind=kind, value=value.strip())
            self._list = OpenList(key=key, is_heading=True)
            if key.value:
                self._take(key, line)

    def _new_section(self, wp_id: str, title: str, *, line: Line, level: int) -> Section:
        for other in self.sections.values():
            if number_of(other.wp_id) == number_of(wp_id):
                raise line.wrong(
                    f"has the number of {other.wp_id}, which has a heading at line {other.line.number}",
                    advice="give one of the two another number",
                )
        same = [x for x in self._existing if number_of(x) == number_of(wp_id)]
        wp_id = same[0] if len(same) == 1 else wp_id
        self.sections[wp_id] = Section(wp_id=wp_id, title=title, line=line, level=level)
        return self.sections[wp_id]

    def _read_text(self, line: Line, shown: str) -> None:
        if self._section is None and shown.startswith(("    ", "\t")):
            return  # An indented example.
        found = [it for it in fields_of(shown, line) if self._section or it.subject]
        if not (found and _is_all(found, shown)):
            self._keep(line)
        if found:
            for one in found:
                self._take(one, line)
            if not found[-1].value:
                self._list = OpenList(key=found[-1])
            elif not (self._list and self._list.is_heading):
                self._list = None
        elif not (self._section and self._list and self._is_value(self._list, line, shown)):
            self._read_prose(line, shown)

    def _is_value(self, below: OpenList, line: Line, shown: str) -> bool:
        """Whether the line is a value of the key above it, or a rule among its values."""
        if RULE.fullmatch(shown):
            below.is_after_blank = True
            return True
        bullet = BULLET.fullmatch(shown)
        text = bullet[2] if bullet else shown.strip()
        is_item = MENTION.match(plain_text(text)) is not None or NOTHING.match(text) is not None
        if below.is_heading:
            is_ours = True
        elif bullet:
            is_deeper = len(bullet[1]) > below.key.indent or not below.key.is_bullet
            is_ours = is_deeper or (is_item and below.key.kind is not Kind.OWNS)
        else:
            is_ours = is_item or not below.is_after_blank
        if not is_ours:
            self._list = None
            return False
        if CHECKBOX.fullmatch(shown):
            raise line.misread("is a checkbox, which is a step", instead=f"- {text[3:].strip()}")
        return self._take(Field(kind=below.key.kind, value=text), line)

    def _read_prose(self, line: Line, shown: str) -> None:
        self._prose = line
        if self._section is None:
            return
        box = CHECKBOX.fullmatch(shown)
        if looks_stated(shown):
            instead = f"Dependencies: {', '.join(mentions(shown))}"
            raise line.misread("is not understood", instead=instead)
        if box:
            self._section.subtasks.append(subtask_name(box[1]))

    def _read_row(self, line: Line, shown: str) -> None:
        """A table may have a package in each row, and a column of what each waits for."""
        row = cells(shown)
        kinds = [kind_of(cell, line) if len(cell) < 40 else None for cell in row]
        if not self._column and Kind.NEEDS in kinds[1:]:
            self._column = kinds.index(Kind.NEEDS, 1)
        elif self._column and self._column < len(row):
            package, value = MENTION.match(plain_text(row[0])), row[self._column]
            if package and not set(value) <= set(":- "):
                self.needs.append(Need(wp_id=f"WP{package[1]}", value=value, line=line))
            elif MENTION.search(value):
                instead = f"| WP01 | {' | '.join(row[1:])} |"
                raise line.misread(
                    "does not begin with the package that it is about", instead=instead
                )
        elif self._section:
            for one in fields_of(shown, line):
                self._take(one, line)

    def _take(self, stated: Field, line: Line) -> bool:
        """Whether the field states anything of the package; what it does is kept."""
        if stated.kind is Kind.PERHAPS_NEEDS and not MENTION.search(stated.value):
            return False
        if stated.kind is Kind.OWNS:
            if self._section:
                self._section.owned_files |= dict.fromkeys(patterns(stated.value, line))
                if stated.value and self._section.owned_at is None:
                    self._section.owned_at = line
            return True
        here = self._section.wp_id if self._section else ""
        subject = mentions(stated.subject)[0] if stated.subject else here
        is_reversed = stated.kind is Kind.NEEDED_BY
        self.needs.append(
            Need(wp_id=subject, value=stated.value, line=line, is_reversed=is_reversed)
        )
        return True


def _is_all(found: list[Field], shown: str) -> bool:
    """Whether the front matter will say all that the line does, so that the text need not."""
    key = found[0]
    is_alone = len(found) == 1 and not key.is_bullet and key.value
    if not is_alone or shown.partition(":")[2].strip(" *_") != key.value.strip(" *_"):
        return False
    if key.kind is Kind.OWNS:
        return "(" not in key.value
    try:
        return key.kind is Kind.NEEDS and not read_references(key.value).has_remark
    except NotUnderstood:
        return False
