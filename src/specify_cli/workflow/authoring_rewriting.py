"""Remove or rewrite the section of a package in `tasks.md`; every other line stays as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from specify_cli.core.dependencies import Graph
from specify_cli.core.drafts import PackageDraft
from specify_cli.errors import UsageError
from specify_cli.patterns import pattern
from specify_cli.workflow.authoring_headings import HEADING
from specify_cli.workflow.authoring_lines import lines_of
from specify_cli.workflow.authoring_outline import read_outline, sections_in
from specify_cli.workflow.authoring_section import Section
from specify_cli.workflow.mission import OpenMission

_PLAIN: Final = pattern(r"[\w./*?-]+")
_ITEM: Final = pattern(r"\s*[-*+]\s+`?(.+?)`?\s*")


class SectionChange(NamedTuple):
    """The new values of a package in its section, by field of a draft, and all its dependencies."""

    wp_id: str
    fields: Mapping[str, Any]
    dependencies: tuple[str, ...]


def without_section(text: str, wp_id: str, mission: OpenMission) -> str:
    """Return the text without the section of the package.

    Raises:
        UsageError: a line is refused, or other lines state something about the package.
    """
    found = _bounds(text, wp_id, mission)
    if found is None:
        return text
    section, begin, end = found
    lines = text.split("\n")
    rest = "\n".join([*lines[:begin], *lines[end:]]).rstrip("\n") + "\n"
    wanted = _outline(text, mission)
    del wanted[wp_id]
    known = [x for x in mission.packages if x != wp_id]
    graph = {x: needs for x, needs in mission.stated_graph.items() if x != wp_id}
    if _is_read_as(rest, wanted, known=known, graph=graph):
        return rest
    raise section.line.wrong(
        "begins a section that other lines refer to",
        advice=f"remove what tasks.md states about {wp_id}, then run the same command again",
    )


def with_section(text: str, mission: OpenMission, change: SectionChange) -> str:
    """Return the text with the changed fields in the section of the package; unchanged if it has none.

    A text that cannot stand in a section, for example because of its headings, is left out: the
    section keeps its own.

    Raises:
        UsageError: a line is refused, or other lines state something else about the package.
    """
    wp_id = change.wp_id
    found = _bounds(text, wp_id, mission)
    if found is None:
        return text
    before = _outline(text, mission)
    graph = {**mission.stated_graph, wp_id: change.dependencies}
    was = before[wp_id]
    draft = replace(was, **change.fields)
    kept = replace(draft, prompt=was.prompt, subtasks=was.subtasks)
    for wanted in (draft, kept, replace(kept, prompt=_without_lists(was))):
        changed = _rewritten(text, found, draft=wanted, before=was)
        if _is_read_as(changed, before | {wp_id: wanted}, known=mission.packages, graph=graph):
            return changed
    line = found[0].line.number
    raise UsageError(
        f"tasks.md, line {line}: the section of {wp_id} would not be read as the new values: give a"
        f" title without Markdown, or remove what other lines of tasks.md state about {wp_id}"
    )


def _bounds(text: str, wp_id: str, mission: OpenMission) -> tuple[Section, int, int] | None:
    """Return the section, and the positions of its first line and of the line after it."""
    sections = sections_in(text, mission.packages, graph=mission.stated_graph)
    section = sections.get(wp_id)
    if section is None:
        return None
    starts = {it.line.number for it in sections.values()}
    end = len(text.split("\n"))
    for line in lines_of(text):
        heading = HEADING.fullmatch(line.shown) if line.shown else None
        if line.number <= section.line.number or not heading:
            continue
        if line.number in starts or len(heading[1]) <= section.level:
            end = line.number - 1
            break
    return section, section.line.number - 1, end


def _outline(text: str, mission: OpenMission) -> dict[str, PackageDraft]:
    return read_outline(text, mission.packages, graph=mission.stated_graph)


def _is_read_as(
    text: str,
    wanted: Mapping[str, PackageDraft],
    *,
    known: Collection[str],
    graph: Graph,
) -> bool:
    """Return whether the outline of the text is the wanted one, but for blank lines in prompts."""
    try:
        found = read_outline(text, known, graph=graph)
    except UsageError:
        return False
    return _comparable(found) == _comparable(wanted)


def _comparable(outline: Mapping[str, PackageDraft]) -> dict[str, tuple[object, ...]]:
    return {
        wp_id: (
            it.title,
            tuple(it.dependencies),
            tuple(it.owned_files),
            tuple(it.subtasks),
            it.prompt,
        )
        for wp_id, it in outline.items()
    }


def _rewritten(
    text: str, found: tuple[Section, int, int], *, draft: PackageDraft, before: PackageDraft
) -> str:
    section, begin, end = found
    lines = text.split("\n")
    head, is_there, tail = lines[begin].rpartition(section.title)
    title = (
        head + draft.title + tail
        if is_there
        else f"{'#' * section.level} {section.wp_id} {draft.title}"
    )
    body = [title, "", *_statements(draft, before)]
    if draft.prompt:
        body += [*draft.prompt.split("\n"), ""]
    return "\n".join([*lines[:begin], *body, *lines[end:]])


def _statements(draft: PackageDraft, before: PackageDraft) -> Iterator[str]:
    stated = {
        "Dependencies": (draft.dependencies, before.dependencies),
        "Owned files": (draft.owned_files, before.owned_files),
    }
    lines = [
        f"{name}: {', '.join(map(_quoted, now)) or 'none'}"
        for name, (now, was) in stated.items()
        if now or was
    ]
    yield from lines
    if lines:
        yield ""


def _without_lists(draft: PackageDraft) -> str | None:
    """Return the text without list items that are dependencies or files of the package."""
    values = {*draft.dependencies, *draft.owned_files}
    items = ((line, _ITEM.fullmatch(line)) for line in (draft.prompt or "").split("\n"))
    left = [line for line, item in items if not (item and item[1] in values)]
    return "\n".join(left).strip() or None


def _quoted(name: str) -> str:
    """Return the name as code if a list of names could not hold it otherwise."""
    return name if _PLAIN.fullmatch(name) else f"`{name}`"
