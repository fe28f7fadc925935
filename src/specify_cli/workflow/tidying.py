"""Remove the branches of missions whose work is in their targets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli.core.lanes import Lane
from specify_cli.errors import MissionNotFound, PreflightFailed, StorageFailed
from specify_cli.storage.mission_files import all_missions
from specify_cli.storage.project import Project
from specify_cli.vcs import lane_branches, merge_strategies
from specify_cli.vcs.checkouts import checkouts_of
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import lane_retirement, repositories
from specify_cli.workflow.accepting import incomplete, packages_in
from specify_cli.workflow.merge_preflight import finished
from specify_cli.workflow.merged_work import MergedWork, tracking_tip
from specify_cli.workflow.mission import OpenMission, open_mission
from specify_cli.workflow.mission_changes import changing_mission
from specify_cli.workflow.package_commits import PackageCommits

MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TidyBranch:
    """A branch of a merged mission; `problem` says why it is kept, if it is."""

    slug: str
    branch: str
    commit: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Tidying:
    """Remove branches. Approved commits stay in refs of the host."""

    project: Project

    def tidy(self, selector: str | None, *, is_dry: bool) -> list[TidyBranch]:
        """Remove the branches of a mission, by default of every merged one, whose commits the target has.

        Return all of these branches. With `is_dry`, change nothing.

        Raises:
            MissionNotFound: there is no such mission.
            PreflightFailed: the mission that was named is not merged.
            StorageFailed: the disk or git refused.
        """
        is_named = selector is not None
        slugs = [selector] if selector is not None else all_missions(self.project)
        found: list[TidyBranch] = []
        for slug in slugs:
            try:
                found += self._mission(slug, is_dry=is_dry, is_named=is_named)
            except MissionNotFound:  # It is not checked out.
                if is_named:
                    raise
            except GitFailed as error:
                raise StorageFailed(f"git could not remove branches: {error}") from error
        return found

    def _mission(self, slug: str, *, is_dry: bool, is_named: bool) -> list[TidyBranch]:
        mission = open_mission(self.project, slug)
        with repositories.looking(self.project) as repository:
            found = _branches(repository, mission, is_named=is_named) if repository else []
        if is_dry or all(it.problem for it in found):
            return found
        with (
            changing_mission(self.project, slug) as mission,
            repositories.changing(self.project) as repository,
        ):
            found = _branches(repository, mission, is_named=is_named)
            gone = {it.branch: it.commit for it in found if it.problem is None}
            lane_branches.remove(repository, gone)
            lane_retirement.update_mirror(repository, mission)
        return found


def _branches(repository: Repository, mission: OpenMission, *, is_named: bool) -> list[TidyBranch]:
    if not _is_merged(repository, mission):
        if is_named:
            text = (
                f"{mission.slug} is not merged into {mission.target_branch}: merge it with 'spec-kitty merge"
                f" --mission {mission.shell_name}', or, after a pull request, run"
                f" 'spec-kitty mission mark-merged {mission.shell_name}'"
            )
            raise PreflightFailed(text, errors=[text])
        return []
    workspaces = [mission.lane_workspace(it.lane_id) for it in mission.lanes]
    paths = {it.branch: it.path for it in workspaces}
    tips = repository.lane_tips([mission.mission_branch, *paths])
    known = list(_known(repository, mission))
    return [
        TidyBranch(
            slug=mission.slug,
            branch=branch,
            commit=tip,
            problem=_problem(repository, branch, tip, known=known, workspace=paths.get(branch)),
        )
        for branch, tip in tips.items()
    ]


def _is_merged(repository: Repository, mission: OpenMission) -> bool:
    if incomplete(mission) or packages_in(mission, Lane.APPROVED) or not finished(mission):
        return False
    merged, target = MergedWork(repository, mission), mission.target_branch
    # An older release did not note the commit, and packages can be reworked since it was noted.
    commits = (merged.noted(target), repository.branch_tip(target))
    return any(it is not None and not merged.missing_from(it) for it in commits)


def _known(repository: Repository, mission: OpenMission) -> Iterator[str]:
    """Yield the commits whose history is safe without these branches."""
    target = mission.target_branch
    found = [repository.branch_tip(target), tracking_tip(repository, target)[1]]
    commits = PackageCommits(repository, mission)
    found += [commits.approved(x) for x in packages_in(mission, Lane.DONE)]
    yield from (it for it in found if it)


def _problem(
    repository: Repository,
    branch: str,
    tip: str,
    *,
    known: Sequence[str],
    workspace: Path | None,
) -> str | None:
    beyond = repository.commits_beyond(tip, known, merges=False)
    # A merge commit can have work, too, for example how a person resolved a conflict.
    beyond = beyond or merge_strategies.merges_with_changes(repository.git, tip, known)
    if beyond:
        named = ", ".join(it[:12] for it in beyond[:MOST_NAMED])
        more = f" and {len(beyond) - MOST_NAMED} more" if len(beyond) > MOST_NAMED else ""
        return f"it has commits that were not merged: {named}{more}"
    if workspace is not None and os.path.lexists(workspace):
        return f"its workspace {workspace} is still there, with work that was not merged"
    checkouts = checkouts_of(repository.git, branch)
    return f"it is checked out in {checkouts[0].path}" if checkouts else None
