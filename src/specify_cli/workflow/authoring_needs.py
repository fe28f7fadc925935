"""What the lines of `tasks.md` together say of which package waits for which."""

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
    """One line says that the packages of `subject` wait for `value`, or, reversed, the other way round."""

    subject: str
    value: str
    line: Line
    is_reversed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What `tasks.md` states of one package, first at `line`.

    It `is_partial` where only the sections of other packages say so.
    """

    names: tuple[str, ...]
    line: Line
    is_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What `tasks.md` states, by package: dependencies, owned files, and where its heading is."""

    dependencies: Mapping[str, Stated]
    owned_files: Mapping[str, Stated]
    headings: Mapping[str, Line]


def needs_by_package(
    stated: Sequence[Need], outlined: Collection[str], known: Collection[str]
) -> dict[str, Stated]:
    """What is said of each package's dependencies; `known` are all packages of the mission.

    Raises:
        UsageError: naming a line that cannot be so, or that two lines contradict each other.
    """
    needs: dict[str, dict[str, Need]] = {}
    nothing: dict[str, Line] = {}
    for need in stated:
        for wp_id in known_packages(need.subject, outlined, need.line):
            named = _named(need, wp_id, known)
            if not named and need.value.strip() and not need.is_reversed:
                nothing.setdefault(wp_id, need.line)
            for other in named:
                waiting, needed = (other, wp_id) if need.is_reversed else (wp_id, other)
                if waiting == needed:
                    raise _of_itself(waiting, named, need.line)
                _require_section(waiting, outlined=outlined, line=need.line)
                needs.setdefault(waiting, {}).setdefault(needed, need)
    _require_agreement(needs, nothing)
    found = {wp_id: Stated(names=(), line=line) for wp_id, line in nothing.items()}
    for wp_id, by_name in needs.items():
        is_partial = all(need.is_reversed for need in by_name.values())
        line = next(iter(by_name.values())).line
        found[wp_id] = Stated(names=tuple(by_name), line=line, is_partial=is_partial)
    return found


def files_by_package(owned: Sequence[Need], outlined: Collection[str]) -> dict[str, Stated]:
    """What is said of the files of each package.

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
    """The packages that are named.

    Raises:
        UsageError: one is unknown, or several fit.
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
    return line.misread(f"lets {wp_id} wait for itself", instead=f"Dependencies: {others}")


def _require_section(waiting: str, *, outlined: Collection[str], line: Line) -> None:
    if waiting not in outlined:
        raise line.wrong(
            f"says what {waiting} waits for, which has no section here",
            advice=f"say it in the front matter of the prompt of {waiting}, or give it a section",
        )


def _require_agreement(
    needs: Mapping[str, Mapping[str, Need]], nothing: Mapping[str, Line]
) -> None:
    for wp_id, line in nothing.items():
        if wp_id in needs:
            other = next(iter(needs[wp_id].values())).line
            raise line.misread(
                f"says that {wp_id} waits for nothing, and line {other.number} says for what",
                instead=f"Dependencies: {', '.join(needs[wp_id])}",
            )


def joined(prompts: Graph, stated: Mapping[str, Stated]) -> dict[str, Collection[str]]:
    """What prompts and the file say together of each package's dependencies."""
    told = {wp_id: it.names for wp_id, it in stated.items()}
    return {x: (*prompts.get(x, ()), *told.get(x, ())) for x in {**prompts, **told}}
