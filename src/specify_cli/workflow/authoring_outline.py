"""Read the work packages in `tasks.md`.

A line that resembles a statement but is not understood is refused, so that no statement is lost silently.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from specify_cli.core.dependencies import Graph
from specify_cli.core.drafts import PackageDraft
from specify_cli.workflow.authoring_lines import LineRefused, lines_of
from specify_cli.workflow.authoring_needs import Statements, files_by_package
from specify_cli.workflow.authoring_reader import Reader
from specify_cli.workflow.authoring_section import Section

NO_GRAPH: Graph = MappingProxyType({})


def read_outline(
    text: str, existing: Collection[str] = (), *, graph: Graph = NO_GRAPH
) -> dict[str, PackageDraft]:
    """Return the packages of `tasks.md` by id, in the order of the file, with the ids of their subtasks.

    Args:
        text: The text of the file.
        existing: The ids of packages with prompts: `WP6` in the file is their `WP06`.
        graph: The dependencies in those prompts.

    Raises:
        UsageError: a line is refused; the message has its number and what to write instead.
    """
    reader = _read(text, existing, graph)
    needs = reader.stated_needs(reader.sections)
    files = files_by_package(reader.owned, reader.sections)
    return {x: it.draft(needs.get(x), files.get(x)) for x, it in reader.sections.items()}


def sections_in(
    text: str, existing: Collection[str], *, graph: Graph = NO_GRAPH
) -> Mapping[str, Section]:
    """Return the sections of packages by id.

    Raises:
        UsageError: as `read_outline`.
    """
    return _read(text, existing, graph).sections


def read_statements(text: str, existing: Collection[str], *, graph: Graph = NO_GRAPH) -> Statements:
    """Return the statements of `tasks.md` about packages with a prompt (`existing`) or a section.

    Raises:
        UsageError: as `read_outline`.
    """
    return _read(text, existing, graph).statements()


def faults_in(
    text: str, existing: Collection[str], *, graph: Graph = NO_GRAPH
) -> list[LineRefused]:
    """Return every line that is refused by itself; without any, the first that contradicts others."""
    reader, found = Reader(existing, graph), []
    try:
        for line in lines_of(text):
            try:
                reader.read(line)
            except LineRefused as refused:
                found.append(refused)
        if not found:
            reader.statements()
    except LineRefused as refused:
        found.append(refused)
    return found


def _read(text: str, existing: Collection[str], graph: Graph) -> Reader:
    reader = Reader(existing, graph)
    for line in lines_of(text):
        reader.read(line)
    return reader
