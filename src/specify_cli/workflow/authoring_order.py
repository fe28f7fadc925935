"""Lines of `tasks.md` that imply an order of packages without the form of a statement.

Sentences, arrows and graphs often repeat the statements of packages in other words. Such a line is
accepted if it does, and refused if it were the only one to imply the order.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from specify_cli.core.package_references import (
    MENTION,
    PACKAGE_LIST,
    NotUnderstood,
    mentions,
    resolved,
)
from specify_cli.patterns import pattern
from specify_cli.workflow.authoring_lines import Line

_ARROW = pattern(
    r"\b(?:then|before|after)\b|\s>\s|<?[-=.~]{1,4}>{1,2}|<[-=]{1,3}|-{2,4}|[\u2500-\u257f]+[>\u25b6\u25ba]?"
    r"|[\u2190-\u21ff\u27f0-\u27ff\u2794-\u27be\u2b05-\u2b0d]",
    re.I,
)
_BACKWARD = pattern(r"after|<[-=]|[\u2190\u21d0\u27f5]", re.I)
_COLON = pattern(rf"[\s>*_`+-]*({PACKAGE_LIST})[*_`]*\s*:[\s*_`\[]*({PACKAGE_LIST}).*", re.I | re.A)
_WAITS = pattern(
    r"\b(?:depend(?:s|ent|ing)?\b(?:\s+\w+){0,3}?\s+(?:up)?on\b|blocked\s+(?:by|on|until)\b"
    r"|wait(?:s|ing)?\s+(?:for|on|until)\b|(?:can|must)\s?not\s+(?:start|begin)\s+(?:before|until)\b"
    r"|(?:start|begin|done|run|come|follow)\w*\s+(?:only\s+)?(?:after|once)\b|relies\s+on\b|rely\s+on\b"
    r"|(?:requires?|needs)\b(?:\s+(?!to\b|be\b)\w+){0,3}?(?=[\s*_`(]+(?:WP|Work)))"
    rf"[^.;|]{{0,40}}?(?P<value>{PACKAGE_LIST})",
    re.I | re.A,
)
_ONLY_AFTER = pattern(
    rf"[\s>*_`+-]*(?:after|follows)[\s*_`]+(?P<value>{PACKAGE_LIST})\W*", re.I | re.A
)
_ARROW_TO = pattern(
    rf"[\s>*_`+-]*(?:{_ARROW.pattern})[\s*_`]*(?P<value>{PACKAGE_LIST})\W*", re.I | re.A
)
_SUBJECT = pattern(rf"(?<!\w){PACKAGE_LIST}(?=[^.;|]{{0,60}}$)", re.I | re.A)
_NEGATED = pattern(
    r"\b(?:not|never|nothing|none|nobody|without|neither|nor|no|that|which|if)\b|n['\u2019]t\b",
    re.I,
)
_OF_ALL = pattern(r"\b(?:all|every|everything|each|others?|rest|both)\b", re.I)
_LABEL = pattern(r"\b(\w{1,40})\s?[\[({]{1,3}[^\])}]{0,80}?\bWP[ _-]?([0-9]{1,9})", re.I | re.A)
NEAR = 60
"""The most characters between an arrow and a package at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A line that implies that `later` depends on `earlier`; "" stands for all other packages.

    If it is not certain, as with an arrow or a colon, it may mean the reverse, or only an order of work.
    """

    earlier: str
    later: str
    line: Line
    is_certain: bool = False


def orders_in(text: str, line: Line, *, subject: str | None) -> list[Order]:
    """Return the orders that a line implies; `subject` is the package whose section has the line."""
    if not MENTION.search(text):
        return []
    waits = _WAITS.search(text)
    if waits and not _NEGATED.search(text[: waits.start()][-20:]):
        earlier = mentions(waits["value"])
        before = text[: waits.start()]
        named = _SUBJECT.search(before)
        later = mentions(named[0]) if named else [subject] if subject else []
        if not named and _OF_ALL.search(before):
            later = [""]
        return [
            Order(earlier=x, later=y, line=line, is_certain=True)
            for x, y in product(earlier, later)
        ]
    alone = _ONLY_AFTER.fullmatch(text) or _ARROW_TO.fullmatch(text)
    if alone and subject:
        needed = mentions(alone["value"])
        return [Order(earlier=x, later=subject, line=line, is_certain=True) for x in needed]
    colon = _COLON.fullmatch(text)
    if colon:
        pairs = product(mentions(colon[2]), mentions(colon[1]))
        return [Order(earlier=x, later=y, line=line) for x, y in pairs]
    return _arrows(text, line)


def with_labels(text: str, labels: dict[str, str]) -> str:
    """Replace the labels in a line of a graph by their packages; new labels are added to `labels`."""
    labels |= {label: f"WP{number}" for label, number in _LABEL.findall(text)}
    return re.sub(r"\w+", lambda word: labels.get(word[0], word[0]), text)


def require_told(
    orders: Iterable[Order], stated: Mapping[str, Collection[str]], known: Collection[str]
) -> None:
    """Require that the packages state every order that the lines imply.

    Args:
        orders: The implied orders.
        stated: The stated dependencies, by package.
        known: All packages of the mission.

    Raises:
        UsageError: naming a line that alone implies an order.
    """
    for order in orders:
        if not order.later:
            _require_of_all(order, stated, known)
            continue
        try:
            earlier, later = (resolved(x, known) for x in (order.earlier, order.later))
        except NotUnderstood as reason:
            if order.line.is_code:
                continue
            raise order.line.wrong(
                f"is not understood: {reason}", advice="correct the name, or remove the line"
            ) from None
        if earlier == later or _leads(later, earlier, stated):
            continue
        is_settled = _leads(earlier, later, stated) or {earlier, later} <= stated.keys()
        if order.is_certain or not is_settled:
            raise order.line.wrong(
                f"implies that {later} depends on {earlier}, which no package states",
                advice=f"add the line '{later} depends on {earlier}' if it does, or reword this one",
            )


def _require_of_all(
    order: Order, stated: Mapping[str, Collection[str]], known: Collection[str]
) -> None:
    others = [x for x in known if x != order.earlier and not _leads(x, order.earlier, stated)]
    if others:
        raise order.line.wrong(
            "does not name the packages that depend on it",
            advice=f"add the line '{', '.join(others)} depend on {order.earlier}' if they do",
        )


def _leads(start: str, end: str, graph: Mapping[str, Collection[str]]) -> bool:
    """Whether `start` depends on `end`, directly or through others."""
    seen, ahead = {start}, [start]
    while ahead:
        for needed in graph.get(ahead.pop(), ()):
            if needed == end:
                return True
            if needed not in seen:
                seen.add(needed)
                ahead.append(needed)
    return False


def _arrows(text: str, line: Line) -> list[Order]:
    parts, arrows = _ARROW.split(text), _ARROW.findall(text)
    found = []
    for arrow, (left, right) in zip(arrows, pairwise(parts), strict=True):
        ends: Sequence[list[str]] = mentions(left[-NEAR:]), mentions(right[:NEAR])
        first, second = reversed(ends) if _BACKWARD.match(arrow) else ends
        found += [Order(earlier=x, later=y, line=line) for x in first for y in second]
    return found
