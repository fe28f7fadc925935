"""The work packages that a person outlined in `tasks.md`.

What looks like a key and is not understood is refused with its line: nothing that an author stated
is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Collection

from specify_cli.core.drafts import PackageDraft
from specify_cli.workflow.authoring_lines import LineRefused, lines_of
from specify_cli.workflow.authoring_needs import Statements
from specify_cli.workflow.authoring_reader import Reader


def read_outline(text: str, existing: Collection[str] = ()) -> dict[str, PackageDraft]:
    """The packages of `tasks.md` by id, in the order of the file; subtasks are by their ids.

    `existing` are the ids of packages that have prompts: they may be named, and `WP6` in the file
    is their `WP06`.

    Raises:
        UsageError: naming the line that is wrong, and what to write instead.
    """
    reader = _read(text, existing)
    needs = reader.stated_needs(reader.sections)
    return {wp_id: it.draft(needs.get(wp_id)) for wp_id, it in reader.sections.items()}


def read_statements(text: str, existing: Collection[str]) -> Statements:
    """What `tasks.md` states of packages that have a prompt (`existing`), or a section in it.

    Raises:
        UsageError: as `read_outline` does.
    """
    return _read(text, existing).statements()


def faults_in(text: str, existing: Collection[str]) -> list[LineRefused]:
    """Every line that is refused by itself, else the first of those that do not fit together."""
    reader, found = Reader(existing), []
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


def _read(text: str, existing: Collection[str]) -> Reader:
    reader = Reader(existing)
    for line in lines_of(text):
        reader.read(line)
    return reader
