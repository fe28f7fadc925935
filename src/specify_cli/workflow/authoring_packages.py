"""The use case that creates work packages from `tasks.md`, and commits the mission."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from specify_cli.core import globs
from specify_cli.core.dependencies import Graph, find_cycle, find_unknown
from specify_cli.core.drafts import PackageDraft
from specify_cli.core.package_references import number_of
from specify_cli.errors import UsageError
from specify_cli.files import folders
from specify_cli.files.atomic import publish, translated
from specify_cli.storage import front_matter
from specify_cli.storage.package_files import WorkPackage, read_text
from specify_cli.storage.project import Project
from specify_cli.workflow import authoring_outline, host_files
from specify_cli.workflow.authoring_agreement import former_prompts, tasks_text
from specify_cli.workflow.authoring_commits import commit_mission
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.mission import OpenMission, reopened
from specify_cli.workflow.mission_changes import changing_mission

HOW_TO = (
    "add a heading such as '## WP01 Parse the query', below it a line such as 'Owned files: src/**',"
    " and a description of the work"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagesReport:
    """The packages of a mission after `tasks.md` was read; `differing` has the changed fields by package."""

    mission: OpenMission
    written: tuple[str, ...]
    differing: Mapping[str, tuple[str, ...]]
    commit: str | None


@dataclass(frozen=True, slots=True)
class Packages:
    """Creates the work packages that `tasks.md` outlines."""

    project: Project

    def write(self, selector: str, cause: RequestContext) -> PackagesReport:
        """Write missing prompts, plan the execution lanes and commit the mission's folder.

        Existing prompts are not changed; their differences from `tasks.md` are reported.

        Raises:
            MissionNotFound: no mission has this slug.
            UsageError: a line, a cycle or an unknown dependency is refused; nothing is written.
            PreflightFailed: there is no repository, or git could not commit.
            StateUnreadable: a file of the mission is damaged.
            StorageFailed: the disk refused.
        """
        with (
            changing_mission(self.project, selector) as mission,
            translated(mission.files.folder, "write below"),
        ):
            check_packages(mission)
            outline = _outline(mission)
            outlined = {wp_id: draft.dependencies for wp_id, draft in outline.items()}
            check_graph({**outlined, **mission.graph})
            missing = {x: draft for x, draft in outline.items() if x not in mission.packages}
            _require_no_former_prompt(mission, missing)
            for wp_id, draft in missing.items():
                text = render_prompt(wp_id, draft)
                write_prompt(mission, wp_id, title=draft.title, text=text)
            whole = reopened(mission)
            host_files.write_lanes(whole)
            return PackagesReport(
                mission=whole,
                written=tuple(missing),
                differing=_differing(mission, outline),
                commit=commit_mission(
                    whole,
                    _files(whole.files.folder),
                    cause,
                    message=f"Plan the work packages of {whole.slug}",
                ),
            )


def check_graph(graph: Graph) -> None:
    """Require that every dependency is a package, and that there is no cycle.

    Raises:
        UsageError: naming the unknown dependencies or the cycle.
    """
    unknown = find_unknown(graph)
    if unknown:
        listed = "; ".join(f"{x} on {', '.join(y)}" for x, y in unknown.items())
        raise UsageError(f"dependencies on packages that do not exist: {listed}")
    cycle = find_cycle(graph)
    if cycle:
        raise UsageError(f"packages depend on each other in a cycle: {' > '.join(cycle)}")


def check_packages(mission: OpenMission) -> None:
    """Require that package numbers are unique, and that every file pattern can be compared.

    Raises:
        UsageError: naming the files.
    """
    first: dict[int, WorkPackage] = {}
    for package in mission.packages.values():
        other = first.setdefault(number_of(package.wp_id), package)
        if other is not package:
            one, two = (_position(mission, it, "work_package_id") for it in (other, package))
            raise UsageError(
                f"{one} and {two}: {other.wp_id} and {package.wp_id} have the same number; give one of them"
                " another number"
            )
        for pattern in package.owned_files:
            try:
                globs.require_simple(pattern)
            except globs.PatternTooComplex as reason:
                position = _position(mission, package, "owned_files")
                raise UsageError(f"{position}: owned_files: {reason}; simplify it") from None


def require_comparable(patterns: Sequence[str]) -> None:
    """Require that every file pattern of a new package can be compared.

    Raises:
        UsageError: naming the pattern.
    """
    for pattern in patterns:
        try:
            globs.require_simple(pattern)
        except globs.PatternTooComplex as reason:
            raise UsageError(f"--owns {pattern[:80]!r}: {reason}; simplify it") from None


def _position(mission: OpenMission, package: WorkPackage, field: str) -> str:
    """Return the short name of the prompt, with the line of the field if it has one."""
    path = package.prompt_path
    text = read_text(path, below=mission.files.project.root)
    line = front_matter.line_of(text, field)
    return f"tasks/{path.name}" + (f", line {line}" if line else "")


def render_prompt(wp_id: str, draft: PackageDraft) -> str:
    """Return the text of the package's prompt; the draft's subtasks are ids."""
    header = front_matter.render(
        {
            "work_package_id": wp_id,
            "title": draft.title,
            "dependencies": list(draft.dependencies),
            "owned_files": list(draft.owned_files),
            "subtasks": list(draft.subtasks),
        }
    )
    body = draft.prompt or "Describe the work, and how to verify that it is done."
    return f"{header}\n# {wp_id}: {draft.title}\n\n{body}\n"


def _outline(mission: OpenMission) -> dict[str, PackageDraft]:
    outline = authoring_outline.read_outline(
        tasks_text(mission) or "", mission.packages, graph=mission.stated_graph
    )
    if not outline and not mission.packages:
        path = mission.files.folder / "tasks.md"
        raise UsageError(f"{path} describes no work package: {HOW_TO}")
    return outline


def _require_no_former_prompt(mission: OpenMission, missing: Collection[str]) -> None:
    former = former_prompts(mission) if missing else {}
    for wp_id in missing:
        prompt = former.get(number_of(wp_id))
        if prompt:
            raise UsageError(
                f"{prompt} is the prompt of {wp_id}, but the host does not read that folder; run"
                " 'spec-kitty doctor --fix'"
            )


def write_prompt(mission: OpenMission, wp_id: str, *, title: str, text: str) -> Path:
    """Write the prompt of a new package, and return its path."""
    path = mission.files.folder / "tasks" / f"{wp_id}-{slug_of(title) or 'package'}.md"
    root = mission.files.project.root
    folders.ensure_all(path.parent, below=root)
    publish(path, text.encode(), below=root, sweeps=True)
    return path


def _differing(
    mission: OpenMission, outline: Mapping[str, PackageDraft]
) -> dict[str, tuple[str, ...]]:
    found = {
        wp_id: _differences(mission.packages[wp_id], draft, below=mission.files.project.root)
        for wp_id, draft in outline.items()
        if wp_id in mission.packages
    }
    return {wp_id: names for wp_id, names in found.items() if names}


def _differences(package: WorkPackage, draft: PackageDraft, *, below: Path) -> tuple[str, ...]:
    """Return the names of the fields in which the prompt differs from the outline."""
    pairs = {
        "title": (package.title, draft.title),
        "dependencies": (package.dependencies, draft.dependencies),
        "owned_files": (package.owned_files, draft.owned_files),
        "subtasks": (tuple(x.subtask_id for x in package.subtasks), draft.subtasks),
    }
    names = tuple(name for name, (one, other) in pairs.items() if one != other)
    return names or _text_difference(package, draft, below=below)


def _text_difference(package: WorkPackage, draft: PackageDraft, *, below: Path) -> tuple[str, ...]:
    """Compare the text; ticks do not count, because they change as the work proceeds."""
    written = read_text(package.prompt_path, below=below)
    expected = render_prompt(package.wp_id, draft)
    return () if _unticked(written) == _unticked(expected) else ("text",)


def _unticked(text: str) -> list[str]:
    return [line.replace("[x]", "[ ]").replace("[X]", "[ ]").rstrip() for line in text.splitlines()]


def _files(folder: Path) -> list[Path]:
    """List the files of the mission, without links, hidden files and leftovers of editors and writers."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.is_symlink()
        and not path.name.endswith(("~", ".tmp"))
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


LONGEST_SLUG = 60


def slug_of(text: str) -> str:
    """Return the text as lower-case words joined by hyphens; in ASCII if it has an ASCII letter."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    if not re.search(r"[a-z]", plain):
        return _in_its_script(text) or re.sub(r"[^0-9]+", "-", plain)[:LONGEST_SLUG].strip("-")
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-")


def _in_its_script(text: str) -> str:
    """Return the letters, marks and digits of a title in another script; empty if it has no letter."""
    # Composed, as all systems except one write names of files.
    composed = unicodedata.normalize("NFC", text.lower())
    kept = (c if c.isprintable() and unicodedata.category(c)[0] in "LMN" else "-" for c in composed)
    words = re.sub(r"-+", "-", "".join(kept)).strip("-")
    while len(words.encode()) > LONGEST_SLUG * 2:  # The limit of file names is in bytes.
        words = words[:-1].rstrip("-")
    return words if any(map(str.isalpha, words)) else ""
