"""Copy statements that only `tasks.md` has to the front matter of prompts."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from specify_cli.errors import UsageError
from specify_cli.files.atomic import publish
from specify_cli.storage import project_files
from specify_cli.storage.front_matter_edit import NotEditable, with_fields
from specify_cli.workflow.authoring_agreement import Disagreement, disagreements, tasks_text
from specify_cli.workflow.authoring_outline import read_statements
from specify_cli.workflow.authoring_packages import check_graph
from specify_cli.workflow.mission import OpenMission

SHOWN = 5
"""The most disagreements in one error; the doctor lists all."""

Fields = Mapping[str, Sequence[str]]


def take_over(mission: OpenMission) -> dict[str, tuple[str, ...]]:
    """Copy the statements that prompts lack, and return the names of the written fields by package.

    Everything is checked before the first prompt is written. The prompts stay consistent after an
    interruption, because dependencies are only added, and the next call writes the rest.

    Raises:
        UsageError: a line is not understood, a prompt contradicts one, work on a package has begun,
            a section has no prompt, or the packages are inconsistent.
        StateUnreadable, StorageFailed, OSError: a file cannot be read or written.
    """
    text = tasks_text(mission)
    stated = read_statements(text or "", mission.packages, graph=mission.stated_graph)
    found = disagreements(mission, stated)
    _refuse([one for one in found if one.advice])
    fields: dict[str, dict[str, tuple[str, ...]]] = {}
    for one in found:
        fields.setdefault(one.wp_id, {})[one.field] = one.stated.names if one.stated else ()
    check_whole(mission, found)
    root = mission.files.project.root
    edited = [_edited(mission.packages[x].prompt_path, it, below=root) for x, it in fields.items()]
    for path, data, mode in edited:
        publish(path, data, mode=mode, below=root, sweeps=True)
    return {wp_id: tuple(names) for wp_id, names in fields.items()}


def check_whole(mission: OpenMission, found: Sequence[Disagreement]) -> None:
    """Require that the packages are consistent with the dependencies to copy.

    Raises:
        UsageError: naming an unknown dependency or a cycle, and the lines of those dependencies.
    """
    needs = {it.wp_id: it.stated for it in found if it.stated and it.field == "dependencies"}
    try:
        check_graph({**mission.graph, **{wp_id: it.names for wp_id, it in needs.items()}})
    except UsageError as error:
        lines = [
            f"line {it.line.number}, {wp_id} on {', '.join(it.names)}"
            for wp_id, it in needs.items()
        ]
        added = f"; added from tasks.md: {'; '.join(lines[:SHOWN])}" if lines else ""
        raise UsageError(f"{error.message}{added}") from error


def _refuse(obstacles: Sequence[Disagreement]) -> None:
    if obstacles:
        text = "; ".join(map(str, obstacles[:SHOWN]))
        more = len(obstacles) - SHOWN
        raise UsageError(
            f"{text}; and {more} more: 'spec-kitty doctor' lists all" if more > 0 else text
        )


def _edited(path: Path, fields: Fields, *, below: Path) -> tuple[Path, bytes, int]:
    with project_files.opened(path, below=below) as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        data = file.readall()
    try:
        return path, with_fields(data, fields, path), mode
    except NotEditable as reason:
        wanted = "; ".join(f"{name}: [{', '.join(values)}]" for name, values in fields.items())
        raise UsageError(
            f"tasks/{path.name}: {reason}; add to its front matter by hand: {wanted}"
        ) from reason
