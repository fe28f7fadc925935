"""The use case that shows people what the work on a package changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from specify_cli.core.lanes import AT_WORK, Lane
from specify_cli.errors import SpecKittyError
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.project import Project
from specify_cli.vcs import history
from specify_cli.vcs.history import DiffText
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.uncommitted_changes import WorkspaceUnreadable
from specify_cli.workflow import lane_folders
from specify_cli.workflow.mission import OpenMission
from specify_cli.workflow.package_commits import PackageCommits
from specify_cli.workflow.package_lookup import open_package
from specify_cli.workflow.package_views import looking_at, synced

NOTHING: Final = DiffText(text="", is_cut=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffReport:
    """The changes of the work, and the user's pager if one is configured; `commit` is None if there is no work.

    `uncommitted` are the files in the workspace that differ from the commit.
    """

    mission: MissionIdentity
    wp_id: str
    difference: DiffText
    pager: str | None
    lane: Lane
    base: str | None = None
    commit: str | None = None
    uncommitted: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PackageDiff:
    """Show the changes of packages; only branches of execution lanes are written."""

    project: Project

    def of(
        self,
        selector: str,
        wp_id: str,
        *,
        base: str | None = None,
        commit: str | None = None,
        is_summary: bool = False,
    ) -> DiffReport:
        """Return the difference between two commits of the project, or only its `is_summary`.

        Default: the newest commit with work on the package, and the commit at which that work began. The
        commits of its workspace are taken in first.

        Raises:
            MissionNotFound: there is no such mission.
            WorkPackageNotFound: the mission has no such package.
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        mission = open_package(self.project, selector, wp_id)
        lane = mission.state_of(wp_id).lane
        is_at_work = commit is None and lane in AT_WORK
        found = [synced(mission, wp_id)] if is_at_work else []
        uncommitted: tuple[str, ...] = ()
        with looking_at(mission) as repository:
            git = repository.git
            commits = PackageCommits(repository, mission)
            if is_at_work and (tip := commits.branch_tip(wp_id)):
                uncommitted, problem = _uncommitted(mission, repository, wp_id, tip=tip)
                found.append(problem)
            commit = commit or commits.newest(wp_id)
            base = base or (commits.base(wp_id, commit) if commit else None)
            show = history.summary if is_summary else history.difference
            return DiffReport(
                mission=mission.identity,
                wp_id=wp_id,
                difference=show(git, base, commit) if base and commit else NOTHING,
                pager=history.pager(git),
                lane=lane,
                base=base,
                commit=commit,
                uncommitted=uncommitted,
                problems=tuple(filter(None, found)),
            )


def _uncommitted(
    mission: OpenMission, repository: Repository, wp_id: str, *, tip: str
) -> tuple[tuple[str, ...], str | None]:
    """Return the files in the package's workspace that differ from `tip`; or why they are not known."""
    settings, path = mission.files.project.settings, mission.workspace(wp_id).path
    if not path.is_dir():
        return (), None
    try:
        files = lane_folders.work_in(
            repository,
            path,
            commit=tip,
            seconds=settings.git_timeout_s,
            filters=settings.filters,
        )
    except (WorkspaceUnreadable, SpecKittyError, OSError) as error:
        return (), f"the files in {path} were not compared: {error}"
    return tuple(files), None
