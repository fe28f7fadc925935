"""Compare the dependencies and owned files in prompts with those in `tasks.md`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from specify_cli.core.lanes import TERMINAL, Lane
from specify_cli.core.package_references import number_of
from specify_cli.storage import front_matter
from specify_cli.storage.package_files import WorkPackage, read_text
from specify_cli.workflow.authoring_needs import Stated, Statements
from specify_cli.workflow.doctor_former_status import former_status, lane_folders
from specify_cli.workflow.mission import OpenMission

UNTOUCHED = frozenset({Lane.PLANNED, *TERMINAL})
"""The status lanes of packages without work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A difference between a prompt and `tasks.md`.

    With `advice`, a person must decide; without it, `tasks finalize` copies `stated` to the prompt.
    """

    file: Path
    line: int | None
    what: str
    advice: str = ""
    wp_id: str
    field: str = ""
    stated: Stated | None = None

    def __str__(self) -> str:
        """One sentence with the short name of the file."""
        name = self.file.name if self.file.name == "tasks.md" else f"tasks/{self.file.name}"
        line = f", line {self.line}" if self.line else ""
        return f"{name}{line}: {self.what}; {self.advice}"


def tasks_text(mission: OpenMission) -> str | None:
    """Return the text of `tasks.md`; None if it does not exist.

    Raises:
        StateUnreadable, OSError: the file cannot be read.
    """
    try:
        return read_text(mission.files.folder / "tasks.md", below=mission.files.project.root)
    except FileNotFoundError:
        return None


def disagreements(mission: OpenMission, stated: Statements) -> list[Disagreement]:
    """Return every statement of `tasks.md` about a package that its prompt does not have.

    Raises:
        StateUnreadable, OSError: a prompt cannot be read any more.
    """
    found = _without_prompt(mission, stated)
    for wp_id, package in mission.packages.items():
        needs, files = stated.dependencies.get(wp_id), stated.owned_files.get(wp_id)
        if needs and not _agree(package.dependencies, needs):
            found.append(_disagreement(mission, package, field="dependencies", stated=needs))
        if files and not _agree(package.owned_files, files):
            found.append(_disagreement(mission, package, field="owned_files", stated=files))
    return found


def former_prompts(mission: OpenMission) -> dict[int, str]:
    """Return the prompts in folders of status lanes, as earlier tools kept them, by number."""
    tasks = mission.files.folder / "tasks"
    if not lane_folders(tasks):
        return {}
    return {
        number_of(one.wp_id): f"tasks/{one.path.parent.name}/{one.path.name}"
        for one in former_status(tasks)
        if one.folder and one.wp_id
    }


def _agree(here: Sequence[str], there: Stated) -> bool:
    is_within = set(there.names) <= set(here)
    return is_within and (there.is_partial or len(set(here)) == len(there.names))


def _without_prompt(mission: OpenMission, stated: Statements) -> list[Disagreement]:
    missing = [wp_id for wp_id in stated.headings if wp_id not in mission.packages]
    former = former_prompts(mission) if missing else {}
    found = []
    for wp_id in missing:
        prompt = former.get(number_of(wp_id))
        what = f"{wp_id} has no prompt"
        advice = (
            f"run 'spec-kitty tasks --mission {shlex.quote(mission.slug)}', or remove its section"
        )
        if prompt:
            what = f"the prompt of {wp_id} is {prompt}, where the host does not read it"
            advice = "run 'spec-kitty doctor --fix'"
        path, line = mission.files.folder / "tasks.md", stated.headings[wp_id].number
        found.append(Disagreement(file=path, line=line, what=what, advice=advice, wp_id=wp_id))
    return found


def _disagreement(
    mission: OpenMission, package: WorkPackage, *, field: str, stated: Stated
) -> Disagreement:
    path = package.prompt_path
    text = read_text(path, below=mission.files.project.root)
    has_field = front_matter.parse(text, path).get(field) is not None
    lane = mission.state_of(package.wp_id).lane
    source = f"tasks.md, line {stated.line.number}, states {', '.join(stated.names) or 'none'}"
    here = ", ".join(getattr(package, field)) or "none"
    what, advice = f"{field} is missing, and {source}", ""
    if has_field:
        what = f"{field} is {here}, but {source}"
        advice = "make the two agree, or remove the line from tasks.md"
    elif lane not in UNTOUCHED:
        line = front_matter.dump({field: list(stated.names)}).strip()
        advice = (
            f"work on {package.wp_id} has begun ({lane}), so add the line {line!r} to the front matter"
            " yourself if that work respects it, or remove the line from tasks.md"
        )
    return Disagreement(
        file=path,
        line=(front_matter.line_of(text, field) or 1) if has_field else None,
        what=what,
        advice=advice,
        wp_id=package.wp_id,
        field=field,
        stated=stated,
    )
