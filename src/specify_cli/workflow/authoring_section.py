"""The section of a package in `tasks.md`, and the lists in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from specify_cli.core.drafts import PackageDraft
from specify_cli.core.package_references import MENTION, PACKAGE_LIST, number_of, plain_text
from specify_cli.patterns import pattern
from specify_cli.workflow.authoring_fields import Field, Kind, says_nothing
from specify_cli.workflow.authoring_lines import Line
from specify_cli.workflow.authoring_needs import Stated

RULE = pattern(r" {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})")
UNTICKED = pattern(r"^(\s*[-*+]\s+)\[[ xX]\]\s+")
_ABOUT = pattern(
    rf"[*_`]*(?P<subject>{PACKAGE_LIST})[*_`]*\s*(?::|\s[\u2013\u2014-]\s)[*_`]*\s*(?P<value>.+)",
    re.I | re.A,
)
"""A list item outside of sections that names its package."""

_ONLY_PACKAGES = pattern(
    rf"[*_`\[]*{PACKAGE_LIST}[*_`\]]*\s*(?:(?:[(\u2013\u2014]|-\s).*|\b(?:for|because|since|as)\b.*|[.;]?)",
    re.I | re.A,
)
"""A list item with only packages, and perhaps a reason."""

MORE = pattern(
    rf"[\s>*_+-]*(?:(?:and|plus|&|,)\s+(?:also\s+)?(?:on\s+)?)?[*_`]*{PACKAGE_LIST}[*_`]*[\s.\]]*",
    re.I | re.A,
)
"""A line that continues the packages of the line above."""

_SUBTASK_ID = pattern(r"\W*(T[0-9]+)\b", re.ASCII)


@dataclass(slots=True, kw_only=True)
class Section:
    """The section of a package while it is read; `line` is its heading."""

    wp_id: str
    title: str
    line: Line
    level: int
    subtasks: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def draft(self, needs: Stated | None, owned: Stated | None) -> PackageDraft:
        """Return the described package."""
        return PackageDraft(
            title=self.title,
            dependencies=needs.names if needs else (),
            owned_files=owned.names if owned else (),
            subtasks=tuple(self.subtasks),
            prompt="\n".join(self.text).strip() or None,
        )


@dataclass(slots=True, kw_only=True)
class OpenList:
    """A key with values on the lines below it; those of a heading extend to the next heading."""

    key: Field
    is_heading: bool = False
    is_after_blank: bool = False
    is_empty: bool = True


def subtask_name(text: str) -> str:
    """Return the id of a checkbox: the `T001` that it begins with, otherwise its whole text."""
    numbered = _SUBTASK_ID.match(text)
    return numbered[1] if numbered else text.strip()


def free_id(
    wp_id: str, line: Line, *, sections: Iterable[Section], existing: Collection[str]
) -> str:
    """Return the id of the package that a heading begins, in the spelling of its prompt if there is one.

    Raises:
        UsageError: another section has the same number.
    """
    for other in sections:
        if number_of(other.wp_id) == number_of(wp_id):
            raise line.wrong(
                f"has the same number as {other.wp_id}, whose heading is at line {other.line.number}",
                advice="give one of the two another number",
            )
    same = [x for x in existing if number_of(x) == number_of(wp_id)]
    return same[0] if len(same) == 1 else wp_id


def value_of_all(below: OpenList, text: str) -> Field | None:
    """Return the field of a line below a key outside of sections; None for prose."""
    about, kind = _ABOUT.fullmatch(text), below.key.kind
    if about:
        value = plain_text(about["value"])
        if kind is Kind.OWNS or says_nothing(value) or MENTION.match(value):
            return Field(kind=kind, value=about["value"], subject=about["subject"])
    if below.is_after_blank and not below.is_heading:
        return None
    is_stated = kind is Kind.OWNS or _ONLY_PACKAGES.fullmatch(text)
    return Field(kind=kind, value=text) if is_stated else None
