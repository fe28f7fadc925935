"""Take the commits of workspaces into the project's branches."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum

from specify_cli.core.lanes import AT_WORK
from specify_cli.errors import SpecKittyError, StorageFailed
from specify_cli.storage.project import Project
from specify_cli.vcs.checkouts import checkouts_of
from specify_cli.vcs.commit_intake import BranchRelation, IntakeRefused
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import (
    commit_intake,
    lane_folders,
    lane_retirement,
    missing_workspaces,
    repositories,
    workspace_index,
)
from specify_cli.workflow.lane_folders import Kind
from specify_cli.workflow.mission import OpenMission, Workspace, open_mission
from specify_cli.workflow.offers import Offer
from specify_cli.workflow.workspace_index import WorkspaceIndex


class Outcome(StrEnum):
    """How the branch of an execution lane relates to its workspace after the sync."""

    IN_STEP = "in_step"
    TAKEN_IN = "taken_in"
    BEHIND = "behind"
    REFUSED = "refused"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """The result for one workspace.

    Attributes:
        name: The name of the workspace's folder.
        slug: The mission; empty if unknown.
        lane: The execution lane; None if unknown.
        old: The commit of the project's branch before the sync.
        new: The commit of the workspace's branch.
        commits: The number of commits that were taken in.
        problem: Why none were taken in; `code` names the case.
    """

    name: str
    slug: str
    lane: Workspace | None
    outcome: Outcome
    old: str | None = None
    new: str | None = None
    commits: int = 0
    problem: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Syncing:
    """Take in the commits of workspaces, one workspace after the other."""

    project: Project

    def take_in_all(
        self,
        slug: str | None = None,
        *,
        only: Collection[str] | None = None,
        moves_checkouts: bool = True,
    ) -> list[SyncResult]:
        """Take in the commits of every workspace: of one mission or of all, or of those named in `only`.

        A workspace that is damaged, refused or missing does not affect the others. Then update the
        repositories that the workspaces of missions in progress fetch from.

        Raises:
            StorageFailed: git does not work here, `.worktrees` cannot be read, or the disk refused.
        """
        index = WorkspaceIndex(self.project)
        names = workspace_index.names(self.project)
        repository = repositories.look(self.project)
        if repository is None:
            return []
        asked = (it for it in names if only is None or it in only)
        named = [it for it in asked if slug is None or it.startswith(f"{slug}-")]
        found = (
            self._one(repository, it, index=index, slug=slug, moves_checkouts=moves_checkouts)
            for it in named
        )
        synced = [it for it in found if it is not None]
        synced += [
            it
            for it in _missing(repository, index)
            if slug in (None, it.slug) and (only is None or it.name in only)
        ]
        self._update_mirrors({it.slug for it in synced if it.lane})
        return synced

    def _update_mirrors(self, slugs: Collection[str]) -> None:
        for mission in (open_mission(self.project, it) for it in slugs):
            if not is_at_work(mission):
                continue
            try:
                with repositories.changing(self.project) as repository:
                    lane_retirement.update_mirror(repository, mission)
            except (GitFailed, OSError) as error:
                text = f"the repository that workspaces of {mission.slug} fetch from could not be updated: {error}"
                raise StorageFailed(text) from error

    def _one(
        self,
        repository: Repository,
        name: str,
        *,
        index: WorkspaceIndex,
        slug: str | None,
        moves_checkouts: bool,
    ) -> SyncResult | None:
        lane = None
        try:
            found = index.find(name)
            if found is None or slug not in (None, found[0].slug):
                return None
            mission, lane = found
            slug = mission.slug
            return take_in(mission, repository, lane, moves_checkouts=moves_checkouts)
        except (SpecKittyError, GitFailed, OSError) as error:
            return SyncResult(
                name=name,
                slug=slug or "",
                lane=lane,
                outcome=Outcome.REFUSED,
                problem=str(error),
                code="unreadable",
            )


def _missing(repository: Repository, index: WorkspaceIndex) -> list[SyncResult]:
    """Return the results for missing workspaces."""
    try:
        found = missing_workspaces.find(repository, index)
    except GitFailed as error:
        raise StorageFailed(f"the branches of the project cannot be listed: {error}") from error
    return [
        SyncResult(
            name=it.lane.path.name,
            slug=it.slug,
            lane=it.lane,
            outcome=Outcome.MISSING,
            problem=it.problem,
        )
        for it in found
    ]


def is_at_work(mission: OpenMission) -> bool:
    """Whether a package of the mission is being worked on."""
    return any(mission.state_of(wp_id).lane in AT_WORK for wp_id in mission.packages)


def take_in(
    mission: OpenMission,
    repository: Repository,
    lane: Workspace,
    *,
    moves_checkouts: bool,
    seconds: float | None = None,
) -> SyncResult:
    """Update the branch of the execution lane to the workspace's commit, unless the branch was moved elsewhere.

    Call it without a lock. With `moves_checkouts`, update the working tree of the project that has the
    branch checked out, too; otherwise such a branch is not updated.

    Raises:
        SpecKittyError, GitFailed, OSError: git or the disk refused.
    """
    folder = lane_folders.look(mission.files.project, repository, lane.path)
    if folder.kind is Kind.OTHER:
        text = f"{lane.path} {folder.complaint(mission.files.project)}"
        return _refused(mission, lane, text, code="not_a_workspace")
    with ExitStack() as until_the_end:
        offer = commit_intake.of_lane(
            mission, repository, lane, until_the_end=until_the_end, seconds=seconds
        )
        if offer.refusal:
            return _refused(mission, lane, offer.refusal.reason, code=offer.refusal.code)
        relation = offer.standing(repository)
        if relation in (BranchRelation.AHEAD, BranchRelation.REWRITTEN):
            with repositories.changing(mission.files.project) as ours:
                return _moved(mission, ours, lane, offer=offer, moves_checkouts=moves_checkouts)
        if relation is BranchRelation.DIVERGED:
            return _diverged(mission, repository, lane, offer=offer)
    outcome = Outcome.BEHIND if relation is BranchRelation.BEHIND else Outcome.IN_STEP
    old = repository.lane_tips([lane.branch]).get(lane.branch)
    return SyncResult(
        name=lane.path.name, slug=mission.slug, lane=lane, outcome=outcome, old=old, new=offer.tip
    )


def _moved(
    mission: OpenMission,
    repository: Repository,
    lane: Workspace,
    *,
    offer: Offer,
    moves_checkouts: bool,
) -> SyncResult:
    """Update the branch under the lock of the repository; its state may have changed since the offer was read."""
    old = repository.lane_tips([lane.branch]).get(lane.branch)
    if old is None:
        # A merge may have removed it meanwhile; the start of work creates it.
        text = f"there is no branch {lane.branch} in the project; see 'spec-kitty doctor'"
        return _refused(mission, lane, text, code="no_branch")
    if not moves_checkouts and checkouts_of(repository.git, lane.branch):
        text = f"{lane.branch} is checked out in a working tree of the project"
        return _refused(mission, lane, text, code="in_use")
    try:
        offer.take_in(repository)
    except IntakeRefused as refusal:
        return _refused(mission, lane, refusal.reason, code=refusal.code)
    return SyncResult(
        name=lane.path.name,
        slug=mission.slug,
        lane=lane,
        outcome=Outcome.TAKEN_IN,
        old=old,
        new=offer.tip,
        commits=len(repository.commits_beyond(offer.tip or old, [old])),
    )


def _diverged(
    mission: OpenMission, repository: Repository, lane: Workspace, *, offer: Offer
) -> SyncResult:
    old = repository.lane_tips([lane.branch]).get(lane.branch)
    if offer.fetched is None or old is None:
        return _refused(
            mission, lane, f"{lane.branch} was moved during the sync: sync again", code="diverged"
        )
    refusal = offer.fetched.diverged(repository, old)
    return _refused(mission, lane, refusal.reason, code=refusal.code)


def _refused(mission: OpenMission, lane: Workspace, problem: str, *, code: str) -> SyncResult:
    return SyncResult(
        name=lane.path.name,
        slug=mission.slug,
        lane=lane,
        outcome=Outcome.REFUSED,
        problem=problem,
        code=code,
    )
