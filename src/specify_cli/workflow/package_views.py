"""Use cases that show people a package: its prompt, and the work under review."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from specify_cli.core.merge_paths import shown
from specify_cli.core.reviews import Feedback
from specify_cli.errors import SpecKittyError, StorageFailed
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.project import Project
from specify_cli.vcs import history
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.history import CommitSummary
from specify_cli.vcs.objects import Change, tree_changes
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import moved_work, repositories, submitted_work, syncing
from specify_cli.workflow.mission import OpenMission
from specify_cli.workflow.package_commits import PackageCommits
from specify_cli.workflow.package_lookup import open_package
from specify_cli.workflow.reports import CommitsBeyond
from specify_cli.workflow.submitted_work import left_out_warnings

MOST_COMMITS: Final = 100
MOST_FILES: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """A file that the work adds, changes or removes; `is_outside` if the package does not own it."""

    path: str
    change: str
    is_outside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkReport:
    """The work that a review of a package is about; `commit` is None if there is none."""

    mission: MissionIdentity
    wp_id: str
    open_subtasks: tuple[str, ...]
    feedback: Feedback | None
    commit: str | None = None
    base: str | None = None
    commits: Sequence[CommitSummary] = ()
    commits_total: int = 0
    files: Sequence[ChangedFile] = ()
    files_total: int = 0
    problems: tuple[str, ...] = ()
    beyond: CommitsBeyond | None = None


@dataclass(frozen=True, slots=True)
class PackageViews:
    """Show packages; only branches of execution lanes are written."""

    project: Project

    def work(self, selector: str, wp_id: str) -> WorkReport:
        """Return the work that an approval of the package would be about, and later commits.

        Take in the commits of the workspace first; if they cannot be taken in, `problems` says why.

        Raises:
            MissionNotFound: there is no such mission.
            WorkPackageNotFound: the mission has no such package.
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        mission = open_package(self.project, selector, wp_id)
        problem = synced(mission, wp_id)
        report = WorkReport(
            mission=mission.identity,
            wp_id=wp_id,
            open_subtasks=tuple(x for x, it in mission.subtask_ticks(wp_id).items() if not it),
            feedback=mission.state_of(wp_id).feedback,
            problems=(problem,) if problem else (),
        )
        commit = moved_work.under_review(mission, wp_id)
        if commit is None:
            return report
        with looking_at(mission) as repository:
            return _with_work(report, PackageCommits(repository, mission), commit)


@contextmanager
def looking_at(mission: OpenMission) -> Iterator[Repository]:
    """Yield the project's repository.

    Raises:
        StorageFailed: there is none, or git cannot read it.
    """
    with repositories.looking(mission.files.project) as repository:
        if repository is None:
            raise StorageFailed(repositories.NO_REPOSITORY)
        yield repository


def synced(mission: OpenMission, wp_id: str) -> str | None:
    """Take in the commits of the package's workspace; return why that failed, if it did."""
    repository = repositories.look(mission.files.project)
    if repository is None:
        return None
    workspace = mission.workspace(wp_id)
    try:
        problem = syncing.take_in(mission, repository, workspace, moves_checkouts=True).problem
    except (SpecKittyError, GitFailed, OSError) as error:
        problem = str(error)
    return f"the commits in {workspace.path} were not fetched: {problem}" if problem else None


def _with_work(report: WorkReport, commits: PackageCommits, commit: str) -> WorkReport:
    mission, repository = commits.mission, commits.repository
    workspace = mission.workspace(report.wp_id)
    onto = repository.branch_tip(workspace.target_branch)
    base = commits.base(report.wp_id, commit)
    known = [it for it in (base, onto) if it]
    found = repository.commits_beyond(commit, known)
    work = submitted_work.examine(mission, report.wp_id, commit)
    found_problems: Sequence[str] = ()
    if work:
        found_problems = (*work.refused.sentences(), *left_out_warnings(work.left_out))
    changes = tree_changes(repository.git, base, commit)
    is_last = mission.last_at_work(workspace.lane_id) == report.wp_id
    return WorkReport(
        mission=report.mission,
        wp_id=report.wp_id,
        open_subtasks=report.open_subtasks,
        feedback=report.feedback,
        commit=commit,
        base=base,
        commits=history.summaries(repository.git, found[:MOST_COMMITS]),
        commits_total=len(found),
        files=_files(changes, outside=work.outside if work else ()),
        files_total=len(changes),
        problems=(*report.problems, *found_problems),
        beyond=commits.beyond(workspace.lane_id, [commit]) if is_last else None,
    )


def _files(changes: Mapping[str, Change], *, outside: Sequence[str]) -> list[ChangedFile]:
    """Return the first files, those that the package does not own before the others."""
    others = set(outside)
    ordered = sorted(changes, key=lambda path: (path not in others, path))
    return [
        ChangedFile(path=shown(path), change=_change(changes[path]), is_outside=path in others)
        for path in ordered[:MOST_FILES]
    ]


def _change(change: Change) -> str:
    before, after = change
    if before is None:
        return "added"
    return "changed" if after else "removed"
