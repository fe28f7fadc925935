"""Combine the lines of `tasks.md` into the dependencies and owned files of each package."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from specify_cli.core.dependencies import Graph
from specify_cli.core.package_references import (
    NotUnderstood,
    mentions,
    read_references,
)
from specify_cli.workflow.authoring_fields import patterns
from specify_cli.workflow.authoring_lines import Line, LineRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A statement that the packages in `subject` depend on those in `value`, or the reverse."""

    subject: str
    value: str
    line: Line
    is_reversed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The statement of `tasks.md` about one package; `line` is the first with it.

    It `is_partial` if only the sections of other packages make it.
    """

    names: tuple[str, ...]
    line: Line
    is_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """The statements of `tasks.md` by package, and the line of each package's heading."""

    dependencies: Mapping[str, Stated]
    owned_files: Mapping[str, Stated]
    headings: Mapping[str, Line]


def needs_by_package(
    stated: Sequence[Need], outlined: Collection[str], known: Collection[str]
) -> dict[str, Stated]:
    """Return the stated dependencies by package; `known` are all packages of the mission.

    Raises:
        UsageError: a line cannot be true, or two lines contradict each other.
    """
    needs: dict[str, dict[str, Need]] = {}
    nothing: dict[str, Line] = {}
    for need in stated:
        for wp_id in known_packages(need.subject, outlined, need.line):
            named = _named(need, wp_id, known)
            if not named and need.value.strip() and not need.is_reversed:
                nothing.setdefault(wp_id, need.line)
            for other in named:
                dependent, needed = (other, wp_id) if need.is_reversed else (wp_id, other)
                if dependent == needed:
                    raise _of_itself(dependent, named, need.line)
                _require_section(dependent, outlined=outlined, line=need.line)
                needs.setdefault(dependent, {}).setdefault(needed, need)
    _require_agreement(needs, nothing)
    found = {wp_id: Stated(names=(), line=line) for wp_id, line in nothing.items()}
    for wp_id, by_name in needs.items():
        is_partial = all(need.is_reversed for need in by_name.values())
        line = next(iter(by_name.values())).line
        found[wp_id] = Stated(names=tuple(by_name), line=line, is_partial=is_partial)
    return found


def files_by_package(owned: Sequence[Need], outlined: Collection[str]) -> dict[str, Stated]:
    """Return the stated owned files by package.

    Raises:
        UsageError: a line is about an unknown package.
    """
    found: dict[str, Stated] = {}
    for one in owned:
        for wp_id in known_packages(one.subject, outlined, one.line):
            first = found.get(wp_id) or Stated(names=(), line=one.line)
            names = dict.fromkeys((*first.names, *patterns(one.value, one.line)))
            found[wp_id] = Stated(names=tuple(names), line=first.line)
    return found


def known_packages(names: str, known: Collection[str], line: Line) -> tuple[str, ...]:
    """Return the ids of the packages in `names`.

    Raises:
        UsageError: a name is unknown or ambiguous.
    """
    name = next(iter(mentions(names)), "WP01")
    try:
        return read_references(names).resolved(known)
    except NotUnderstood as reason:
        raise line.wrong(
            f"is not understood: {reason}",
            advice=f"give it a heading of its own, such as '## {name} What it is about'",
        ) from None


def _named(need: Need, wp_id: str, known: Collection[str]) -> tuple[str, ...]:
    try:
        return read_references(need.value).resolved(known)
    except NotUnderstood as reason:
        complaint = f"is not understood: {reason}"
        meant = ", ".join(x for x in mentions(need.value) if x in known and x != wp_id)
        if meant:
            raise need.line.misread(complaint, instead=f"Dependencies: {meant}") from None
        advice = "write 'Dependencies: none', or the ids in its place"
        raise need.line.wrong(complaint, advice=advice) from None


def _of_itself(wp_id: str, named: Collection[str], line: Line) -> LineRefused:
    others = ", ".join(name for name in named if name != wp_id) or "none"
    return line.misread(f"makes {wp_id} depend on itself", instead=f"Dependencies: {others}")


def _require_section(dependent: str, *, outlined: Collection[str], line: Line) -> None:
    if dependent not in outlined:
        raise line.wrong(
            f"states dependencies of {dependent}, which has no section here",
            advice=f"state them in the front matter of the prompt of {dependent}, or add a section for it",
        )


def _require_agreement(
    needs: Mapping[str, Mapping[str, Need]], nothing: Mapping[str, Line]
) -> None:
    for wp_id, line in nothing.items():
        if wp_id in needs:
            other = next(iter(needs[wp_id].values())).line
            raise line.misread(
                f"states that {wp_id} has no dependencies, but line {other.number} states some",
                instead=f"Dependencies: {', '.join(needs[wp_id])}",
            )


def joined(prompts: Graph, stated: Mapping[str, Stated]) -> dict[str, Collection[str]]:
    """Return the dependencies of each package in its prompt and the file together."""
    names = {wp_id: it.names for wp_id, it in stated.items()}
    return {x: (*prompts.get(x, ()), *names.get(x, ())) for x in {**prompts, **names}}
