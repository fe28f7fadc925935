"""Use cases that change or remove a work package before its work begins."""

from __future__ import annotations

import codecs
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli.core.drafts import PackageEdit
from specify_cli.core.lanes import TERMINAL, Lane
from specify_cli.errors import UsageError
from specify_cli.files.atomic import publish, translated
from specify_cli.files.tree_removal import remove_path
from specify_cli.storage import project_files
from specify_cli.storage.package_files import WorkPackage, package_in, read_text
from specify_cli.storage.project import Project
from specify_cli.workflow import authoring_prompts, authoring_rewriting, host_files
from specify_cli.workflow.authoring_agreement import tasks_text
from specify_cli.workflow.authoring_commits import commit_change
from specify_cli.workflow.authoring_packages import check_graph, check_packages
from specify_cli.workflow.authoring_rewriting import SectionChange
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.mission import OpenMission
from specify_cli.workflow.mission_changes import changing_package

_IN_WORDS: Final = frozenset({Lane.PLANNED, Lane.CLAIMED, Lane.IN_PROGRESS, Lane.BLOCKED})
"""Status lanes in which the title and the text of a package can change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeReport:
    """A mission whose package was changed or removed; `changed` are the fields, `files` the files.

    `holder` is the actor who works on the package.
    """

    mission: OpenMission
    wp_id: str
    changed: tuple[str, ...]
    files: tuple[Path, ...]
    commit: str | None = None
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class PackageChanges:
    """Changes and removes packages."""

    project: Project

    def remove(
        self, selector: str, wp_id: str, cause: RequestContext, *, is_preview: bool
    ) -> ChangeReport:
        """Remove the package: its prompt, its section in `tasks.md` and its place in the plan.

        With `is_preview`, everything is checked and nothing is written.

        Raises:
            MissionNotFound: no mission has this slug.
            WorkPackageNotFound: the mission has no such package.
            UsageError: the package has a history, or another package depends on it.
            PreflightFailed: git could not commit.
            StateUnreadable: a file of the mission is damaged.
            StorageFailed: the disk refused.
        """
        with _changing(self.project, selector, wp_id) as mission:
            _check_removal(mission, wp_id)
            text = tasks_text(mission)
            rest = text and authoring_rewriting.without_section(text, wp_id, mission)
            prompt = mission.package(wp_id).prompt_path
            outline = mission.files.folder / "tasks.md"
            files = (prompt, *((outline,) if rest != text else ()))
            if is_preview:
                return ChangeReport(mission=mission, wp_id=wp_id, changed=(), files=files)
            # The prompt last, after the commit: until it is removed, the same request can be repeated.
            _write_outline(mission, text, rest)
            left = {x: it for x, it in mission.packages.items() if x != wp_id}
            whole = host_files.replanned(mission.changed(packages=left), without=wp_id)
            message = f"Remove {wp_id} from {mission.slug}"
            both = (prompt, outline)
            commit = commit_change(whole, both, cause, message=message, removed=prompt)
            remove_path(prompt, below=self.project.root)
            return ChangeReport(mission=whole, wp_id=wp_id, changed=(), files=files, commit=commit)

    def edit(self, selector: str, edit: PackageEdit, cause: RequestContext) -> ChangeReport:
        """Change the package in its prompt and in `tasks.md`, and plan its execution lane again.

        Everything is checked before anything is written.

        Raises:
            MissionNotFound: no mission has this slug.
            WorkPackageNotFound: the mission has no such package.
            UsageError: the change is not allowed in the package's state, or is inconsistent.
            PreflightFailed: git could not commit.
            StateUnreadable: the new text or a file of the mission is damaged.
            StorageFailed: the disk refused.
        """
        wp_id = edit.wp_id
        with _changing(self.project, selector, wp_id) as mission:
            before, outline = mission.package(wp_id), tasks_text(mission)
            path, root = before.prompt_path, self.project.root
            written = read_text(path, below=root)
            text = authoring_prompts.edited(before, written, edit)
            after = package_in(text, path, outline=outline or "", known=mission.packages)
            changed = _changes(before, after, is_text=text != written)
            both = (path, mission.files.folder / "tasks.md")
            if not changed:
                return _commit_rest(mission, wp_id, files=both, cause=cause)
            _check_change(mission, wp_id, changed)
            whole = _checked(mission, before, after)
            section = _section(before, after, (written, text))
            other = outline and authoring_rewriting.with_section(outline, mission, section)
            # The prompt last: until it is written, the same request can be repeated.
            _write_outline(mission, outline, other)
            moved = wp_id if "owned_files" in changed else None
            whole = host_files.replanned(whole, without=moved)
            _write(path, text, below=root)
            return ChangeReport(
                mission=whole,
                wp_id=wp_id,
                changed=changed,
                files=both if other != outline else both[:1],
                commit=commit_change(whole, both, cause, message=_message(mission, wp_id)),
                holder=mission.state_of(wp_id).holder,
            )


@contextmanager
def _changing(project: Project, selector: str, wp_id: str) -> Iterator[OpenMission]:
    with (
        changing_package(project, selector, wp_id) as mission,
        translated(mission.files.folder, "write below"),
    ):
        yield mission


def _commit_rest(
    mission: OpenMission, wp_id: str, *, files: Sequence[Path], cause: RequestContext
) -> ChangeReport:
    """Commit what a call that was killed, or that git refused, left without a commit."""
    commit = commit_change(mission, files, cause, message=_message(mission, wp_id))
    return ChangeReport(mission=mission, wp_id=wp_id, changed=(), files=(), commit=commit)


def _message(mission: OpenMission, wp_id: str) -> str:
    return f"Change {wp_id} of {mission.slug}"


def _check_removal(mission: OpenMission, wp_id: str) -> None:
    """Require that the package has no history, and that no other one depends on it.

    A package with a history stays: a new one with its id would inherit that.
    """
    name = shlex.quote(mission.slug)
    state = mission.state_of(wp_id)
    if wp_id in mission.state.packages:
        cancel = f"spec-kitty move {wp_id} canceled --mission {name} --note 'not needed'"
        remedy = f"it is {state.lane}" if state.lane in TERMINAL else f"cancel it: {cancel}"
        raise UsageError(f"{wp_id} has a history, which is kept: {remedy}")
    dependents = [x for x, needs in mission.graph.items() if wp_id in needs]
    if dependents:
        rest = [x for x in mission.graph[dependents[0]] if x != wp_id] or ["none"]
        options = " ".join(f"--depends-on {x}" for x in rest)
        edit = f"spec-kitty tasks edit {dependents[0]} --mission {name} {options}"
        raise UsageError(
            f"{wp_id} is a dependency of {', '.join(dependents)}: change that first: {edit}"
        )


def _check_change(mission: OpenMission, wp_id: str, changed: Sequence[str]) -> None:
    """Require that the change does not affect work that was done."""
    name, state = shlex.quote(mission.slug), mission.state_of(wp_id)
    add = f"spec-kitty tasks add {name} 'What is left'"
    if state.lane not in _IN_WORDS:
        raise UsageError(f"{wp_id} is {state.lane}, so it stays as it is: add a package: {add}")
    scope = [x for x in changed if x in ("dependencies", "owned_files")]
    is_begun = mission.was_at_work(wp_id) or state.lane not in (Lane.PLANNED, Lane.BLOCKED)
    if scope and is_begun:
        cancel = f"spec-kitty move {wp_id} canceled --mission {name} --note 'replaced'"
        raise UsageError(
            f"work on {wp_id} has begun ({state.lane}), so its {' and '.join(scope)} stay as they"
            f" are: cancel it and add another: {cancel} && {add}"
        )


def _checked(mission: OpenMission, before: WorkPackage, after: WorkPackage) -> OpenMission:
    """Return the mission after the change, in which the packages must be consistent."""
    if after.wp_id != before.wp_id:
        raise UsageError(
            f"work_package_id is {after.wp_id}, and the id {before.wp_id} cannot change: leave it"
        )
    packages: Mapping[str, WorkPackage] = {**mission.packages, after.wp_id: after}
    whole = mission.changed(packages=packages)
    check_graph(whole.graph)
    check_packages(whole)
    return whole


def _changes(before: WorkPackage, after: WorkPackage, *, is_text: bool) -> tuple[str, ...]:
    """Return the names of the fields that differ; `text` for all else."""
    fields = ("wp_id", "title", "dependencies", "owned_files")
    found = tuple(x for x in fields if getattr(before, x) != getattr(after, x))
    return found or (("text",) if is_text else ())


def _section(before: WorkPackage, after: WorkPackage, texts: tuple[str, str]) -> SectionChange:
    """Return what changes in the section of `tasks.md`."""
    was, now = (
        {
            "title": package.title,
            "dependencies": package.dependencies,
            "owned_files": package.owned_files,
            "subtasks": tuple(x.subtask_id for x in package.subtasks),
            "prompt": authoring_prompts.body_of(package, text),
        }
        for package, text in zip((before, after), texts, strict=True)
    )
    fields = {name: value for name, value in now.items() if value != was[name]}
    return SectionChange(wp_id=after.wp_id, fields=fields, dependencies=after.dependencies)


def _write_outline(mission: OpenMission, before: str | None, after: str | None) -> None:
    if after is not None and after != before:
        _write(mission.files.folder / "tasks.md", after, below=mission.files.project.root)


def _write(path: Path, text: str, *, below: Path) -> None:
    """Replace the content of the file; mode, line ends and byte order mark stay."""
    before = project_files.read(path, below=below)
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    data = text.encode().replace(b"\n", b"\r\n" if b"\r\n" in before else b"\n")
    publish(path, mark + data, mode=os.lstat(path).st_mode & 0o777, below=below, sweeps=True)
