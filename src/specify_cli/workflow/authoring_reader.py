"""Read the lines of `tasks.md`: sections of packages, and their statements."""

from __future__ import annotations

import re
from collections.abc import Collection

from specify_cli.core.dependencies import Graph
from specify_cli.core.package_references import (
    MENTION,
    NOTHING,
    PARALLEL,
    NotUnderstood,
    mentions,
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
    is_unknown_key,
    kind_of,
    looks_owned,
    looks_stated,
    patterns,
)
from specify_cli.workflow.authoring_headings import HEADING, package_in, require_hash_form
from specify_cli.workflow.authoring_lines import Line
from specify_cli.workflow.authoring_needs import (
    Need,
    Stated,
    Statements,
    files_by_package,
    joined,
    known_packages,
    needs_by_package,
)
from specify_cli.workflow.authoring_order import Order, orders_in, require_told, with_labels
from specify_cli.workflow.authoring_section import (
    MORE,
    RULE,
    UNTICKED,
    OpenList,
    Section,
    free_id,
    subtask_name,
    value_of_all,
)
from specify_cli.workflow.authoring_tables import Table


class Reader:
    """Reads the lines of the file one by one.

    `needs` and `owned` are the statements of dependencies and files. `orders` are implied dependencies.
    `mentioning` are the headings that name a package but do not begin its section.

    Args:
        existing: The packages with prompts.
        graph: The dependencies in those prompts.
    """

    def __init__(self, existing: Collection[str], graph: Graph) -> None:
        self.sections: dict[str, Section] = {}
        self.needs: list[Need] = []
        self.owned: list[Need] = []
        self.orders: list[Order] = []
        self.mentioning: list[Line] = []
        self._existing = existing
        self._graph = graph
        self._section: Section | None = None
        self._list: OpenList | None = None
        self._prose: Line | None = None
        self._table: Table | None = None
        self._stated_at = 0
        self._labels: dict[str, str] = {}

    def read(self, line: Line) -> None:
        """Read the next line.

        Raises:
            UsageError: the line resembles a statement but is not understood.
        """
        above, self._prose = self._prose, None
        heading = HEADING.fullmatch(line.shown) if line.shown else None
        if heading:
            self._read_heading(heading, line)
        elif line.shown is None:
            self._keep(line)
            if line.is_code:
                self._read_code(line)
        elif not line.shown.strip():
            self._keep(line)
            self._table = None
            if self._list:
                self._list.is_after_blank = True
        elif line.shown.lstrip().startswith("|"):
            self._keep(line)
            self._read_row(line, line.shown)
        else:
            require_hash_form(line, line.shown, above=above)
            self._table = None
            is_example = line.shown.startswith(("    ", "\t")) and not BULLET.fullmatch(line.shown)
            if is_example and self._section is None:
                self.orders += orders_in(line.shown, line, subject=None)
            else:
                self._read_text(line, line.shown)

    def statements(self) -> Statements:
        """Return the statements about packages with a section or a prompt.

        Raises:
            UsageError: a line names an unknown package, or contradicts another.
        """
        return Statements(
            dependencies=self.stated_needs(self._known),
            owned_files=files_by_package(self.owned, self._known),
            headings={wp_id: it.line for wp_id, it in self.sections.items()},
        )

    def stated_needs(self, outlined: Collection[str]) -> dict[str, Stated]:
        """Return the stated dependencies of these packages.

        Raises:
            UsageError: a line names an unknown package, or contradicts another.
        """
        for line in self.mentioning:
            for name in mentions(line.raw):
                known_packages(name, self._known, line)
        found = needs_by_package(self.needs, outlined, self._known)
        require_told(self.orders, joined(self._graph, found), self._known)
        return found

    @property
    def _known(self) -> Collection[str]:
        return dict.fromkeys((*self._existing, *self.sections))

    def _keep(self, line: Line) -> None:
        if self._section:
            self._section.text.append(line.raw)

    def _read_heading(self, heading: re.Match[str], line: Line) -> None:
        self._list, self._table = None, None
        level, text = len(heading[1]), heading[2]
        package = package_in(text, line)
        if package:
            wp_id = free_id(
                package[0], line, sections=self.sections.values(), existing=self._existing
            )
            self._section = Section(wp_id=wp_id, title=package[1], line=line, level=level)
            self.sections[wp_id] = self._section
            return
        if MENTION.search(text):
            self.mentioning.append(line)
        if self._section and level <= self._section.level:
            self._section = None
        self._keep(line)
        self._read_key_heading(plain_text(text), line)

    def _read_key_heading(self, text: str, line: Line) -> None:
        """Read a heading within a section; it may be a key, with values below it."""
        name, _, value = text.partition(":")
        kind = kind_of(name, line)
        if kind:
            key = Field(kind=kind, value=value.strip())
            self._list = OpenList(key=key, is_heading=True)
            if key.value:
                self._take(key, line)
            elif MENTION.search(name) and self._section:
                instead = f"Dependencies: {', '.join(mentions(name))}"
                raise line.misread("names a package in a heading", instead=instead)

    def _read_text(self, line: Line, shown: str) -> None:
        shown = UNTICKED.sub(r"\1", shown) if self._section is None else shown
        found = fields_of(shown, line)
        if not (found and _is_all(found, shown)):
            self._keep(line)
        if found:
            self._stated_at = line.number
            for one in found:
                self._take(one, line)
            if not found[-1].value:
                self._list = OpenList(key=found[-1])
            elif not (self._list and self._list.is_heading):
                self._list = None
        elif not (self._list and self._is_value(self._list, line, shown)):
            self._read_prose(line, shown)

    def _is_value(self, below: OpenList, line: Line, shown: str) -> bool:
        """Read the line as a value of the key above it, or a rule among its values; return whether it is."""
        if RULE.fullmatch(shown):
            below.is_after_blank = True
            return True
        bullet = BULLET.fullmatch(shown)
        text = bullet[2] if bullet else shown.strip()
        if self._section is None:
            stated = value_of_all(below, text)
            return stated is not None and self._take(stated, line)
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
        if PARALLEL.search(text) and not (is_item or below.key.kind is Kind.OWNS):
            return False
        if CHECKBOX.fullmatch(shown):
            raise line.misread("is a checkbox, which is a subtask", instead=f"- {text[3:].strip()}")
        is_taken = self._take(Field(kind=below.key.kind, value=text), line)
        below.is_empty &= not is_taken
        return is_taken

    def _read_code(self, line: Line) -> None:
        """Read a line of code: it may be part of a graph, but not a value."""
        below = self._list
        is_for_values = below and below.is_empty and not below.key.value and self._section
        if below and is_for_values and below.key.kind in (Kind.NEEDS, Kind.OWNS):
            complaint = f"begins code instead of {below.key.kind.value.lower()}"
            raise line.wrong(complaint, advice="write a list instead")
        self.orders += orders_in(with_labels(line.raw, self._labels), line, subject=None)

    def _read_prose(self, line: Line, shown: str) -> None:
        self._prose = line
        here = self._section.wp_id if self._section else None
        box = CHECKBOX.fullmatch(shown)
        if box and self._section:
            self._section.subtasks.append(subtask_name(box[1]))
        if MENTION.search(shown):
            is_more = self._stated_at == line.number - 1 and MORE.fullmatch(shown)
            if is_more or looks_stated(shown) or (here and is_unknown_key(shown, subject=here)):
                instead = f"Dependencies: {', '.join(mentions(shown))}"
                raise line.misread("is not understood", instead=instead)
            self.orders += orders_in(shown, line, subject=here)
        if looks_owned(shown):
            raise line.wrong(
                "is not understood", advice="write 'Owned files: ' and patterns instead"
            )

    def _read_row(self, line: Line, shown: str) -> None:
        """Read a row of a table: columns may be keys, with a package in each row."""
        if self._table is None:
            self._table = Table(line, shown, is_in_package=self._section is not None)
            if self._table.columns:
                return
        below = self._list
        if self._table.columns:
            found = list(self._table.fields(line, shown))
        elif below and below.is_heading and MENTION.search(shown):
            first, second, *_ = [*cells(shown), ""]
            value, subject = (first, None) if self._section else (second, first)
            found = [Field(kind=below.key.kind, value=value, subject=subject)]
        else:
            found = fields_of(shown, line)
        for one in found:
            self._take(one, line)

    def _take(self, stated: Field, line: Line) -> bool:
        """Add the field's statement, and return whether it is one."""
        if stated.kind is Kind.PERHAPS_NEEDS and not MENTION.search(stated.value):
            return False
        subject = stated.subject or (self._section.wp_id if self._section else "")
        is_reversed = stated.kind is Kind.NEEDED_BY
        need = Need(subject=subject, value=stated.value, line=line, is_reversed=is_reversed)
        is_of_files = stated.kind is Kind.OWNS
        if is_of_files:
            is_lost = bool(patterns(stated.value, line))
        else:
            is_lost = MENTION.search(stated.value) is not None
        if subject and (stated.value or not is_of_files):
            (self.owned if is_of_files else self.needs).append(need)
        elif not subject and is_lost:
            raise line.wrong(
                "is not in the section of a package",
                advice="move it below the heading of the package that it is about",
            )
        return True


def _is_all(found: list[Field], shown: str) -> bool:
    """Whether the front matter will have all of the line, so that the prompt's text does not need it."""
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
