"""The work packages that a person outlined in `tasks.md`.

What looks like a key and is not understood is refused with its line: nothing that an author stated
is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Collection
from types import MappingProxyType

from specify_cli.core.dependencies import Graph
from specify_cli.core.drafts import PackageDraft
from specify_cli.workflow.authoring_lines import LineRefused, lines_of
from specify_cli.workflow.authoring_needs import Statements, files_by_package
from specify_cli.workflow.authoring_reader import Reader

NO_GRAPH: Graph = MappingProxyType({})


def read_outline(
    text: str, existing: Collection[str] = (), *, graph: Graph = NO_GRAPH
) -> dict[str, PackageDraft]:
    """The packages of `tasks.md` by id, in the order of the file; subtasks are by their ids.

    `existing` are the ids of packages that have prompts: they may be named, and `WP6` in the file
    is their `WP06`; `graph` is what their prompts state of dependencies.

    Raises:
        UsageError: naming the line that is wrong, and what to write instead.
    """
    reader = _read(text, existing, graph)
    needs = reader.stated_needs(reader.sections)
    files = files_by_package(reader.owned, reader.sections)
    return {x: it.draft(needs.get(x), files.get(x)) for x, it in reader.sections.items()}


def read_statements(text: str, existing: Collection[str], *, graph: Graph = NO_GRAPH) -> Statements:
    """What `tasks.md` states of packages that have a prompt (`existing`), or a section in it.

    Raises:
        UsageError: as `read_outline` does.
    """
    return _read(text, existing, graph).statements()


def faults_in(
    text: str, existing: Collection[str], *, graph: Graph = NO_GRAPH
) -> list[LineRefused]:
    """Every line that is refused by itself, else the first of those that do not fit together."""
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
