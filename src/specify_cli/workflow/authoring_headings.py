"""The headings of `tasks.md` that begin a work package, and headings in unsupported forms."""

from __future__ import annotations

import re

from specify_cli.core.package_references import mentions
from specify_cli.patterns import pattern
from specify_cli.workflow.authoring_fields import BULLET
from specify_cli.workflow.authoring_lines import Line

HEADING = pattern(r" {0,3}(#{1,6})\s+(.*?)\s*#*\s*")

_MARKS = pattern(r" {0,3}(?:#{1,6}|>[\s>]*#{1,6}\s*|<h[1-6]\b[^>]*>\s*)", re.IGNORECASE)
_PACKAGE_NAME = pattern(r"[*_`\[(]*(?:WP|Work Package)[ _-]?[0-9]", re.IGNORECASE)
_END_OF_HTML = pattern(r"\s*</h[1-6]>\s*", re.IGNORECASE)
_UNDERLINE = pattern(r" {0,3}(?:=+|-+)[ \t]*")
_PACKAGE = pattern(
    # The author's own number may come first, as in "Phase 2:".
    r"(?:(?:phase|step|stage|part|milestone|sprint|task)?\s*[0-9]{1,6}[a-z]?\s*[:.)\u2013\u2014-]\s*)?"
    r"[*_`\[(]*(?:(?:work[ -]package[\s:]+)?[*_`\[(]*WP[ _-]?(?P<id>[0-9]{1,9})"
    r"|work[ -]package[ #]+(?P<number>[0-9]{1,9}))(?!\w)"
    r"[*_`\])]*\s*(?:[:.\u2013\u2014-]\s*)?[*_]*\s*(?P<title>.*)",
    re.IGNORECASE | re.ASCII,
)
_MORE_IDS = pattern(
    r"(?:[,&+/]|(?:and|to|through)\b.*WP|\.\.|\u2192|->|[0-9]{1,9}$|WP[ _-]?[0-9])", re.IGNORECASE
)
_STATED_IN_TITLE = pattern(r"\b(?:depend|block|requires).*WP[ _-]?[0-9]", re.IGNORECASE)


def package_in(text: str, line: Line) -> tuple[str, str] | None:
    """Return the id and title of the package that the heading begins; None if it does not begin one.

    Raises:
        UsageError: it has no title, or the title states dependencies.
    """
    package = _package(text)
    if package is None:
        return None
    # A bare number gets two digits, as in the host's own ids.
    wp_id = f"WP{package['id']}" if package["id"] else f"WP{package['number']:0>2}"
    title = package["title"].strip(" *_")
    if not title:
        raise line.misread("has no title", instead=f"## {wp_id} What it is about")
    if _STATED_IN_TITLE.search(title):
        instead = f"Dependencies: {', '.join(mentions(title))}"
        advice = f"write {instead!r} on a line below it"
        raise line.wrong("states dependencies in a heading", advice=advice)
    return wp_id, title


def require_hash_form(line: Line, shown: str, *, above: Line | None) -> None:
    """Require that the line is not a package's heading in an unsupported form.

    Args:
        line: The line.
        shown: Its text without code and comments.
        above: The line before, if it is prose: `line` may underline it.

    Raises:
        UsageError: the line is such a heading, or underlines one.
    """
    marks = _MARKS.match(shown)
    if marks and _PACKAGE_NAME.match(shown, marks.end()):
        text = _END_OF_HTML.sub("", shown[marks.end() :]).strip()
        raise line.misread("is not read as a heading", instead=f"## {text}")
    text = above.shown.strip() if above and above.shown else ""
    is_underlined = _UNDERLINE.fullmatch(shown) and not BULLET.fullmatch(text)
    if not (above and text and is_underlined) or above.raw.startswith(("    ", "\t")):
        return
    if _package(text):
        complaint = f"is underlined with {shown.strip()[:3]!r}, which is not read as a heading"
        advice = f"write '## {text}' instead, or add an empty line below it if it is text"
        raise above.wrong(complaint, advice=advice)


def _package(text: str) -> re.Match[str] | None:
    package = _PACKAGE.fullmatch(text)
    return package if package and not _MORE_IDS.match(package["title"]) else None
