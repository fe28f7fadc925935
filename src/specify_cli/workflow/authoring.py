"""Use cases of authors: create missions, add packages, check and finalize them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from specify_cli import ids
from specify_cli.core.drafts import PackageDraft
from specify_cli.core.package_references import number_of
from specify_cli.errors import SpecKittyError, StorageFailed, UsageError
from specify_cli.files import folders, locks
from specify_cli.files.atomic import publish, translated
from specify_cli.files.tree_removal import remove_path
from specify_cli.storage import project_files
from specify_cli.storage.layout import Layout
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.mission_identity import DEFAULT_TYPE, MissionIdentity
from specify_cli.storage.package_files import WorkPackage, read_text
from specify_cli.storage.project import MARKS, Project, root_above
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import authoring_templates, host_files, repositories
from specify_cli.workflow.authoring_commits import commit_change
from specify_cli.workflow.authoring_packages import (
    check_packages,
    render_prompt,
    require_comparable,
    slug_of,
    write_prompt,
)
from specify_cli.workflow.authoring_takeover import take_over
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.mission import OpenMission, reopened
from specify_cli.workflow.mission_changes import changing_mission


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """The files that were written, and the existing ones that were kept."""

    identity: MissionIdentity
    written: tuple[Path, ...]
    kept: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizeReport:
    """A mission with planned lanes; `taken_over` has the fields copied from `tasks.md`, by package."""

    mission: OpenMission
    taken_over: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedPackage:
    """A new package, and the commit with it, if its mission was committed before."""

    mission: OpenMission
    wp_id: str
    path: Path
    commit: str | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Authoring:
    """Writes the files of missions in a project."""

    project: Project

    def create_mission(
        self,
        title: str,
        *,
        slug: str | None = None,
        mission_type: str | None = None,
        target: str | None = None,
    ) -> MissionIdentity:
        """Create the mission's folder, with the next free number and the files to fill in.

        Its name is from `slug`, or from the title without one.

        Raises:
            UsageError: the title has no letter or digit, or the slug is malformed.
            StorageFailed: the disk refused.
        """
        words = slug_of(slug or title)
        if slug and words != slug:
            advice = f"write --slug {words}" if words else "use letters, digits and hyphens"
            raise UsageError(f"slug {slug[:80]!r} is not lower-case words with hyphens: {advice}")
        if not words:
            raise UsageError(
                f"title {title[:80]!r} has no letter or digit to name a folder after: give a name"
                " with --slug, such as --slug full-text-search"
            )
        with (
            locks.held(self.project.lock("missions")),
            translated(self.project.missions, "write below"),
        ):
            taken = [
                MissionFiles(self.project, slug).identity().number or 0
                for slug in all_missions(self.project)
            ]
            number = max(taken, default=0) + 1
            files = MissionFiles(self.project, f"{number:03}-{words}")
            _write_mission(
                files,
                title,
                mission_type=mission_type or DEFAULT_TYPE,
                target=target or self._target(),
            )
            return files.identity()

    def write_plan(self, selector: str) -> PlanReport:
        """Write `plan.md` and `tasks.md` to fill in; existing files are kept.

        Raises:
            MissionNotFound: no mission has this slug.
            StateUnreadable: one of them is not a regular file.
            StorageFailed: the disk refused.
        """
        templates = {"plan.md": authoring_templates.PLAN, "tasks.md": authoring_templates.TASKS}
        with (
            changing_mission(self.project, selector) as mission,
            translated(mission.files.folder, "write below"),
        ):
            paths = {mission.files.folder / name: text for name, text in templates.items()}
            root = self.project.root
            missing = [path for path in paths if not project_files.is_there(path, below=root)]
            for path in missing:
                text = paths[path].format(title=mission.identity.title)
                publish(path, text.encode(), below=root)
            return PlanReport(
                identity=mission.identity,
                written=tuple(missing),
                kept=tuple(path for path in paths if path not in missing),
            )

    def add_package(
        self, selector: str, draft: PackageDraft, cause: RequestContext
    ) -> AddedPackage:
        """Write a prompt for the package, with the next free id.

        If the mission's execution lanes are planned, the package gets one, and no other package
        moves. If the mission is committed, the package is committed too. If the last package has no
        history and is exactly this one, only what is missing of that is done: a call that was killed
        can be repeated.

        Raises:
            MissionNotFound: no mission has this slug.
            UsageError: a dependency is unknown, or a file pattern is too complex.
            PreflightFailed: git could not commit.
            StorageFailed: the disk refused.
        """
        with (
            changing_mission(self.project, selector) as mission,
            translated(mission.files.folder, "write below"),
        ):
            unknown = [x for x in draft.dependencies if x not in mission.packages]
            if unknown:
                known = ", ".join(mission.packages) or "none"
                raise UsageError(
                    f"the dependency {unknown[0][:80]!r} does not exist: name one of {known}"
                )
            require_comparable(draft.owned_files)
            last = _same_as_last(mission, draft)
            if last is None:
                wp_id = f"WP{max((int(x[2:]) for x in mission.packages), default=0) + 1:02}"
                text = _prompt(wp_id, draft, _next_subtask(mission))
                path = write_prompt(mission, wp_id, title=draft.title, text=text)
            else:
                wp_id, path = last.wp_id, last.prompt_path
            whole = host_files.replanned(reopened(mission))
            commit = commit_change(whole, [path], cause, message=f"Add {wp_id} to {mission.slug}")
            return AddedPackage(
                mission=whole, wp_id=wp_id, path=path, commit=commit, is_new=last is None
            )

    def finalize(self, selector: str) -> FinalizeReport:
        """Check that the packages are consistent, then plan and write the execution lanes.

        Dependencies and owned files that only `tasks.md` states are copied to the front matter.

        Raises:
            MissionNotFound: no mission has this slug.
            UsageError: prompts or `tasks.md` are inconsistent; nothing is written.
            StateUnreadable: a file of the mission is damaged.
            StorageFailed: the disk refused.
        """
        with (
            changing_mission(self.project, selector) as mission,
            translated(mission.files.folder, "read or write below"),
        ):
            check_packages(mission)
            taken_over = take_over(mission)
            whole = reopened(mission) if taken_over else mission
            host_files.write_lanes(whole)
            return FinalizeReport(mission=whole, taken_over=taken_over)

    def _target(self) -> str:
        repository = repositories.look(self.project)
        return repository.default_target() if repository else "main"


def initialize(folder: Path) -> Path:
    """Make the nearest folder with missions, at or above `folder`, a project, and return its root.

    Without such a folder, the project is `folder` itself.

    Raises:
        UsageError: there is no git repository, or git refuses to work in it.
        MissionNotFound: the repository has no main checkout.
        StateUnreadable: a file or folder is a link or another kind of entry.
        StorageFailed: the disk refused.
    """
    try:
        root = root_above(folder.resolve(), MARKS) or folder
        repository = Repository.find(root)
    except GitFailed as error:
        raise UsageError(f"git does not work in {folder}: {error}") from error
    if repository is None:
        raise UsageError(f"{folder} is not in a git repository: run 'git init' first")
    with translated(root, "write below"):
        folders.ensure_all(Layout(root).missions, below=root)
    return root


def _write_mission(files: MissionFiles, title: str, *, mission_type: str, target: str) -> None:
    root = files.project.root
    folders.ensure_all(files.folder, below=root)
    spec = authoring_templates.SPEC.format(title=title)
    number = int(files.slug.partition("-")[0])
    meta = {
        "mission_id": ids.ulid(),
        "mission_slug": files.slug,
        "mission_number": number,
        "mission_type": mission_type,
        "title": title,
        "target_branch": target,
    }
    try:
        publish(files.folder / "spec.md", spec.encode(), below=root)
        # Last, so that a mission that can be found is complete.
        publish(files.meta_path, (json.dumps(meta, indent=2) + "\n").encode(), below=root)
    except SpecKittyError:
        # The next attempt can use the number.
        with suppress(StorageFailed):
            remove_path(files.folder, below=root)
        raise


def _same_as_last(mission: OpenMission, draft: PackageDraft) -> WorkPackage | None:
    """Return the package with the highest number if it is as the draft would be written."""
    last = max(mission.packages.values(), key=lambda it: number_of(it.wp_id), default=None)
    if last is None or last.wp_id in mission.state.packages:
        return None
    others = {x: it for x, it in mission.packages.items() if x != last.wp_id}
    text = _prompt(last.wp_id, draft, _next_subtask(mission.changed(packages=others)))
    is_same = read_text(last.prompt_path, below=mission.files.project.root) == text
    return last if is_same else None


def _next_subtask(mission: OpenMission) -> int:
    names = [name for wp_id in mission.packages for name in mission.subtask_ticks(wp_id)]
    numbers = [int(name[1:]) for name in names if re.fullmatch(r"T\d+", name)]
    return max(numbers, default=0) + 1


def _prompt(wp_id: str, draft: PackageDraft, first_subtask: int) -> str:
    numbered = {f"T{n:03}": text for n, text in enumerate(draft.subtasks, start=first_subtask)}
    steps = "".join(f"- [ ] {name} {text}\n" for name, text in numbered.items())
    prompt = render_prompt(wp_id, replace(draft, subtasks=tuple(numbered)))
    return prompt + (f"\n{steps}" if steps else "")
