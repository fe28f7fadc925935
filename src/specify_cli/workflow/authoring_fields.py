"""The grammar of keys in `tasks.md`, which state dependencies and owned files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from specify_cli.core.globs import PatternTooComplex, require_simple
from specify_cli.core.package_references import (
    MENTION,
    NOTHING,
    PACKAGE_LIST,
    NotUnderstood,
    plain_text,
    read_references,
)
from specify_cli.errors import UsageError
from specify_cli.workflow.authoring_lines import Line

BULLET = re.compile(r"([\s>]*)(?:[-*+]|[0-9]{1,3}[.)])\s+(.*)", re.A)
CHECKBOX = re.compile(r"\s*[-*+]\s+\[[ xX]\]\s+(.+)")

_LEAD = re.compile(r"[\s>]*(?:(?:[-*+]|[0-9]{1,3}[.)])\s+)?", re.A)
_KEY = re.compile(
    r"[*_`]*(?P<key>[A-Za-z][\w /&-]{1,40}?)[*_`]*\s*:"
    r"[*_`]*\s*(?P<value>.*)",
    re.A,
)
_SEGMENT = re.compile(
    r"\s+[|\u00b7\u2022]\s+|[,;]?\s+(?=\*\*[\w ]{2,40}(?:\*\*\s*:|:\*\*))"
    r"|(?:[,;.]|\s/)\s+(?=(?:owned[ _-]files|dependenc(?:y|ies)|depends[ _-]on)[*_]*\s*:)",
    re.I,
)
_SENTENCE = re.compile(
    r"[\s>]*(?:(?:[-*+]|[0-9]{1,3}[.)])\s+)?[*_]*(?:(?:(?:this|the)\s+(?:work\s+)?package|it|"
    rf"(?P<subject>{PACKAGE_LIST}))[*_]*(?:\s*:[*_]*)?\s+)?(?:"
    r"(?:(?:is|are)\s+)?depend(?:s|ent|ing)?\s+(?:up)?on\b(?=.*WP[ _-]?[0-9])"
    r"|(?:(?:(?:is|are)\s+)?blocked\s+by|requires?|needs?)[\s*_`]+(?=WP[ _-]?[0-9])"
    r"|(?P<is_reversed>(?:un)?blocks?|(?:is|are)\s+(?:required|needed)\s+by)"
    r"[\s*_`]+(?=WP[ _-]?[0-9]))(?P<value>.*)",
    re.I | re.A,
)
_STATED = re.compile(
    r"\b(?:depend\w*|deps|blocked by|owned[ _-]files?)\b[^:|]{0,30}:"
    r"|^[\s>*_`+-]*(?:dependenc(?:y|ies)|deps)\b(?=[^.:]{0,12}WP)",
    re.I,
)
_OWNED = re.compile(
    r"\bowned[ _-]files?\b[^:|.]{0,30}:\s*\S"
    r"|^[\s>*_`+-]*owned[ _-]files?\b[\s*_`=\u2013-]+[\w.*-]*[/*]\S",
    re.I,
)
_FOREIGN_KEY = re.compile(
    r"[\s>*_`+-]*(?P<key>[^\W\d][^:.|]{0,40}?)[*_`]*\s*:[*_`]*\s*(?P<value>.*)"
)
_HARMLESS = re.compile(
    r"parallel|relat|see\b|also|similar|compare|part of|group|package|\bwp|phase|\bid\b|name"
    r"|merge|supersede|replace|note|review|scope|cover|used|split|with\b",
    re.I,
)
_WEAK = re.compile(
    r"\b(?:dependenc(?:y|ies)|depends (?:up)?on|deps|requires?|prerequisites?|blocked by|needs)\b"
)
_QUOTED = re.compile(r"`([^`]+)`")
_LINE_BREAK = re.compile(r"<br\s*/?>", re.I)
_LINK = re.compile(r"\[([^\]\[]*)\]\([^()]*\)")
_REMARK = re.compile(r"\s+(?:\(.*\)|[\u2013\u2014-]\s.*)$")
_UNDECIDED = frozenset({"tbd", "todo", "?", "..."})

LONGEST_KEY = 60
"""The most characters of a line that is only a key."""

NEEDS = "Dependencies"
OWNS = "Owned files"
_EXACT = {
    "dependencies": NEEDS,
    "dependency": NEEDS,
    "depends on": NEEDS,
    "depends upon": NEEDS,
    "deps": NEEDS,
    "owned files": OWNS,
}
_REVERSED = frozenset(
    {"blocks", "unblocks", "unlocks", "enables", "required by", "needed by", "dependents"}
    | {"successor", "successors", "followed by", "prerequisite for", "prerequisite of"}
)
_PERHAPS = frozenset(
    {"prereq", "prereqs", "pre requisite", "pre requisites", "predecessor", "predecessors"}
    | {"blocker", "blockers", "blocked on", "blocked until", "wait for", "waits for", "waiting for"}
    | {
        "waiting on",
        "after",
        "start after",
        "starts after",
        "required",
        "require",
        "need",
        "upstream",
    }
)
_PREREQUISITES = frozenset({"prerequisite", "prerequisites", "requires", "blocked by"})
_OWNS_OTHERWISE = frozenset(
    {"owns", "owned", "owned paths", "files owned", "file ownership", "ownership"}
)


class Kind(StrEnum):
    """The kind of statement that a key makes."""

    NEEDS = NEEDS
    OWNS = OWNS
    NEEDED_BY = "needed by"
    PERHAPS_NEEDS = "perhaps needs"
    """Prose, unless a package is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A key and its value; `is_bullet` if it is a list item, whose nested items are its values."""

    kind: Kind
    value: str
    subject: str | None = None
    indent: int = 0
    is_bullet: bool = False


def fields_of(shown: str, line: Line) -> list[Field]:
    """Return the fields of the line, in order; none for prose.

    Raises:
        UsageError: the line has an unknown key that resembles a known one.
    """
    is_long = len(shown) > LONGEST_KEY and ":" not in shown and "|" not in shown
    if is_long and not MENTION.search(shown):  # Most lines are prose, which this detects cheaply.
        return []
    if CHECKBOX.fullmatch(shown):  # A subtask, whatever its text is.
        return []
    if shown.lstrip().startswith("|"):
        row = cells(shown)
        shown = f"{row[0].strip(' :*_')}: {row[1]}" if len(row) > 1 and row[1] else ""
    sentence = _SENTENCE.fullmatch(shown)
    if sentence:
        value = sentence["value"].lstrip("*_ :")
        sense = Kind.NEEDED_BY if sentence["is_reversed"] else Kind.NEEDS
        return [Field(kind=sense, value=value, subject=sentence["subject"])]
    lead = _LEAD.match(shown)
    begin = lead.end() if lead else 0
    indent = len(shown) - len(shown.lstrip(" \t>"))
    if _is_bare_key(shown[begin:].strip()):
        kind, is_bullet = kind_of(shown[begin:], line), bool(shown[indent:begin])
        return [Field(kind=kind, value="", indent=indent, is_bullet=is_bullet)] if kind else []
    found = []
    for segment in _SEGMENT.split(shown[begin:]):
        keyed = _KEY.fullmatch(segment)
        kind = kind_of(keyed["key"], line) if keyed else None
        if keyed and kind:
            value = keyed["value"].strip()
            is_bullet = bool(shown[indent:begin])
            found.append(Field(kind=kind, value=value, indent=indent, is_bullet=is_bullet))
    return found


def kind_of(key: str, line: Line) -> Kind | None:
    """Return the kind of a key, which may be a heading; None for any other text.

    Raises:
        UsageError: the key is unknown and resembles a known one.
    """
    name = _name(key)
    if name in _EXACT:
        return Kind(_EXACT[name])
    if name in _REVERSED:
        return Kind.NEEDED_BY
    if _WEAK.search(name) or name in _PERHAPS:
        return Kind.PERHAPS_NEEDS
    if name in _OWNS_OTHERWISE:
        raise _misspelled(OWNS, line)
    meant = get_close_matches(name, _EXACT, n=1, cutoff=0.82)
    if meant:
        raise _misspelled(_EXACT[meant[0]], line)
    return None


def looks_stated(shown: str) -> bool:
    """Whether a line that was read as prose has a key followed by a package."""
    stated = _STATED.search(shown)
    return stated is not None and MENTION.search(shown, stated.end()) is not None


def is_unknown_key(shown: str, *, subject: str) -> bool:
    """Whether a line has an unknown key whose value is only other packages."""
    keyed = _FOREIGN_KEY.fullmatch(shown)
    if keyed is None or _HARMLESS.search(keyed["key"]) or MENTION.search(keyed["key"]):
        return False
    try:
        named = read_references(keyed["value"])
    except NotUnderstood:
        return False
    others = [name for ends in named.ranges for name in ends if name != subject]
    return bool(others) and not named.has_remark


def looks_owned(shown: str) -> bool:
    """Whether a line that was read as prose has the key of owned files."""
    return "own" in shown.lower() and _OWNED.search(shown) is not None


def says_nothing(value: str) -> bool:
    """Whether a value is empty or means "none"."""
    return not value.strip() or NOTHING.match(plain_text(value)) is not None


def _is_bare_key(text: str) -> bool:
    """Whether a line is only a key, without its colon."""
    if ":" in text or not text or len(text) > LONGEST_KEY:
        return False
    name = _name(text)
    is_short = text[0] in "*_" and len(name.split()) <= 3
    return name in _EXACT.keys() | _REVERSED | _PERHAPS | _PREREQUISITES or (
        is_short and _WEAK.search(name) is not None
    )


def _name(key: str) -> str:
    return " ".join(re.sub(r"[*_`-]", " ", key).lower().rstrip(" :").split())


def cells(shown: str) -> list[str]:
    """Return the cells of a table's row."""
    return [cell.strip() for cell in shown.strip().strip("|").split("|")]


def patterns(value: str, line: Line) -> list[str]:
    """Return the file patterns in a value.

    Raises:
        UsageError: the value has other text, or a pattern is too long or too complex.
    """
    value = _LINE_BREAK.sub(", ", _LINK.sub(r"\1", value))
    quoted = _QUOTED.findall(value)
    rest = _REMARK.sub("", _QUOTED.sub(",", value) if quoted else value.strip().removesuffix("."))
    if not quoted and NOTHING.match(rest.strip()):
        return []
    if rest.startswith("[") and rest.endswith("]"):
        rest = rest[1:-1]
    bare = [part.strip().strip("\"'") for part in rest.split(",")]
    found = [*quoted, *(part for part in bare if part and part.lower() not in ("and", "&"))]
    for pattern in found:
        if pattern.count("{") != pattern.count("}"):
            raise line.wrong("has a list in braces", advice="write each pattern by itself")
        if pattern.lower() in _UNDECIDED:
            raise line.misread("names no files", instead="Owned files: none")
        if re.search(r"\s", pattern) and pattern not in quoted:
            complaint = f"is not understood: {pattern[:60]!r} is not a file pattern"
            raise line.misread(complaint, instead=f"Owned files: `{pattern}`")
        try:
            require_simple(pattern)
        except PatternTooComplex as reason:
            raise line.wrong(f"is not accepted: {reason}", advice="write a simpler one") from None
    return found


def _misspelled(name: str, line: Line) -> UsageError:
    shown = line.raw.strip()
    _, colon, value = shown.partition(":")
    is_row, is_heading = shown.startswith("|"), shown.startswith("#")
    value = re.sub(r"^[*_]+\s", "", value.strip())
    instead = f"{name}: {value}".strip() if colon and not is_heading else f"### {name}"
    complaint = f"is not understood: did you mean {name!r}?"
    if is_row:
        return line.wrong(complaint, advice=f"call it {name!r}")
    return line.misread(complaint, instead=instead)
