"""Inspect and prepare the workspace of a package's execution lane."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from specify_cli.core import lane_schedule
from specify_cli.core.dependencies import in_order
from specify_cli.core.events import Annotated
from specify_cli.core.lanes import AT_WORK, FINISHED, Lane
from specify_cli.errors import LaneAllocationFailed, PreflightFailed, StateUnreadable, StorageFailed
from specify_cli.storage.mission_files import all_missions
from specify_cli.vcs import host_refs
from specify_cli.vcs.commit_intake import BranchRelation, IntakeRefused
from specify_cli.vcs.errors import AllocationFailed, MergeConflict
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.lane_bases import StartParts
from specify_cli.vcs.lane_branches import LaneBranches
from specify_cli.workflow import (
    host_files,
    lane_creation,
    lane_folders,
    lost_work,
    repositories,
    start_conflicts,
)
from specify_cli.workflow.kept_work import first_contact, note_origin
from specify_cli.workflow.mission import OpenMission, Workspace
from specify_cli.workflow.offers import Offer
from specify_cli.workflow.package_commits import PackageCommits, left_ref, set_aside_ref
from specify_cli.workflow.reports import WorkspaceReport
from specify_cli.workflow.workspace_index import WorkspaceIndex

_REFUSALS = (AllocationFailed, IntakeRefused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocated:
    """A workspace that is ready, and the events to record with the move into it."""

    workspace: WorkspaceReport
    annotations: Sequence[Annotated]
    warnings: tuple[str, ...] = ()


def allocate(mission: OpenMission, wp_id: str, *, offer: Offer, owner: int | None) -> Allocated:
    """Prepare the package's workspace, with the approved work that the package builds on.

    This is the approved work of its execution lane and dependencies, and its own earlier work.

    Args:
        mission: The mission.
        wp_id: The package.
        offer: The commits of the existing workspace, which are taken in first.
        owner: The user to whom a new workspace is given. Default: the host's user.

    Raises:
        LaneAllocationFailed: the workspace cannot be prepared, for the `reason`.
        LaneLost: a branch with required work does not exist.
        StorageFailed: the disk refused.
    """
    workspace = mission.workspace(wp_id)
    try:
        _require_own_names(mission, workspace)
        with repositories.changing(mission.files.project) as repository:
            lost_work.check_start(repository, mission, wp_id)
            commits = PackageCommits(repository, mission)
            parts = _parts(commits, wp_id, offer)
            # Before the branch moves: only the branch has these commits.
            annotations = first_contact(commits, besides=wp_id)
            base, warnings = _create(commits, wp_id, parts, offer=offer, owner=owner)
            note_origin(commits)
            # Last, because a refusal must leave no plan behind.
            host_files.write_lanes(mission)
    except (*_REFUSALS, GitFailed, PreflightFailed, OSError) as error:
        raise _refused(workspace, wp_id, error) from error
    former = mission.state_of(wp_id).base_ref if parts.goes_on else None
    report = _report(mission, wp_id, base_ref=former or base, exists=True)
    return Allocated(workspace=report, annotations=annotations, warnings=warnings)


def _create(
    commits: PackageCommits,
    wp_id: str,
    parts: StartParts,
    *,
    offer: Offer,
    owner: int | None,
) -> tuple[str, tuple[str, ...]]:
    """Move the lane's branch to its start, create the workspace, and return the base and warnings."""
    repository, left = commits.repository, list[str]()
    workspace = commits.mission.workspace(wp_id)
    branches = LaneBranches.of(
        repository,
        lane=workspace.branch,
        mission=workspace.mission_branch,
        target=workspace.target_branch,
        origin=commits.origin(),
    )
    try:
        start = branches.start(repository, parts)
    except MergeConflict as error:
        raise start_conflicts.refusal(commits, wp_id, parts, error=error) from error
    creation = lane_creation.LaneCreation(
        mission=commits.mission,
        repository=repository,
        workspace=workspace,
        branches=branches,
        offer=offer,
        owner=owner,
    )

    def leave(tip: str) -> None:
        left.extend(_keep(commits, workspace.lane_id, tip))

    warnings = creation.at(start.tip, leave=leave)
    return start.base, (*warnings, *left)


def _require_own_names(mission: OpenMission, workspace: Workspace) -> None:
    """Require that no execution lane of a mission `a` has the branch of a mission `a-lane-b`."""
    project = mission.files.project
    found = None
    with suppress(StateUnreadable):  # A command on the damaged mission reports it.
        found = WorkspaceIndex(project).find(mission.slug)
    names = (found[0].slug, mission.slug) if found else (mission.slug, workspace.path.name)
    if found or workspace.path.name in all_missions(project):
        one, other = names
        text = f"an execution lane of mission {one} has the same branch as mission {other}; rename one of them"
        raise AllocationFailed(text)


def _refused(workspace: Workspace, wp_id: str, error: Exception) -> LaneAllocationFailed:
    refusal = error if isinstance(error, _REFUSALS) else AllocationFailed(str(error))
    return LaneAllocationFailed(
        f"no workspace for {wp_id} at {workspace.path}: {refusal.reason}",
        reason=refusal.reason,
        reason_code=refusal.code,
        files=list(refusal.paths if isinstance(refusal, IntakeRefused) else refusal.files),
        lane_id=workspace.lane_id,
    )


def reopen(mission: OpenMission, wp_id: str, *, offer: Offer, owner: int | None) -> WorkspaceReport:
    """Return the workspace of a package in progress, and create it again only if it does not exist.

    Raises:
        LaneAllocationFailed: the workspace cannot be prepared, for the `reason`.
        LaneLost: a branch with required work does not exist.
    """
    found = inspect(mission, wp_id)
    return found if found.exists else allocate(mission, wp_id, offer=offer, owner=owner).workspace


def inspect(mission: OpenMission, wp_id: str) -> WorkspaceReport:
    """Return the present or future workspace of the package, without changing anything.

    Raises:
        LaneLost: the branch with its work does not exist.
    """
    workspace = mission.workspace(wp_id)
    repository = repositories.look(mission.files.project)
    exists = False
    if repository is not None:
        lost_work.check_work(repository, mission, wp_id)
        exists = lane_folders.look(mission.files.project, repository, workspace.path).is_usable
    return _report(mission, wp_id, base_ref=mission.state_of(wp_id).base_ref, exists=exists)


def sees_implementation(mission: OpenMission, wp_id: str) -> bool | None:
    """Whether the package has a commit of its own on its branch; None if the branch does not exist."""
    with repositories.looking(mission.files.project) as repository:
        commits = PackageCommits(repository, mission) if repository else None
        tip = commits.branch_tip(wp_id) if commits else None
        return commits.has_own_work(wp_id, tip) if commits and tip else None


def _parts(commits: PackageCommits, wp_id: str, offer: Offer) -> StartParts:
    """Take in the workspace's commits, and return the commits that the package builds on."""
    mission, standing = commits.mission, offer.standing(commits.repository)
    if offer.refusal or standing is BranchRelation.AHEAD:
        offer.take_in(commits.repository)
    elif standing in (BranchRelation.REWRITTEN, BranchRelation.DIVERGED) and offer.fetched:
        # The package does not continue from these commits, but they are kept.
        offer.fetched.keep()
        _keep(commits, mission.lane_ids[wp_id], offer.fetched.tip)
    lane_id, mates = mission.lane_ids[wp_id], {*mission.lane_mates(wp_id)} - {wp_id}
    needed = lost_work.finished_dependencies(mission, wp_id) - mates
    own = commits.to_resume(wp_id)
    is_last = mission.last_at_work(lane_id) == wp_id and _goes_on(commits, wp_id, own)
    is_shared = lane_schedule.occupant(mates, mission.state, besides=wp_id) is not None
    if standing is BranchRelation.DIVERGED and (is_last or is_shared):
        offer.take_in(commits.repository)
    ordered = in_order(mission.graph)
    return StartParts(
        goes_on=is_last or is_shared,
        finished=_named(commits, (x for x in ordered if x in mates)),
        merge_in=_named(commits, (x for x in ordered if x in needed)),
        own={wp_id: own} if own else {},
    )


def _goes_on(commits: PackageCommits, wp_id: str, own: str | None) -> bool:
    """Whether the branch has the package's last commit.

    It may not: another package's start may have been interrupted, or the branch was reset.
    """
    state = commits.mission.state_of(wp_id)
    # A package that was forced into review without a start may have another package's work on its branch.
    if state.lane is Lane.IN_PROGRESS or (state.lane in AT_WORK and state.base_ref is not None):
        return True
    tip = commits.branch_tip(wp_id)
    has_own = own is not None and commits.repository.has_commit(own)
    return bool(tip and has_own and commits.repository.is_ancestor(own or "", tip))


def _named(commits: PackageCommits, wp_ids: Iterable[str]) -> dict[str, str]:
    return {x: commit for x in wp_ids if (commit := commits.approved(x))}


def _keep(commits: PackageCommits, lane_id: str, tip: str) -> Iterator[str]:
    """Keep the commits that the execution lane's branch loses, with refs of the host.

    Yields:
        A warning if they are not the earlier work of an open package.
    """
    mission = commits.mission
    target = commits.repository.branch_tip(mission.target_branch)
    known = [x for x in (commits.origin(), target) if x]
    approved = [x for wp_id in mission.packages if (x := commits.approved(wp_id))]
    if not commits.repository.commits_beyond(tip, [*known, *approved], most=1):
        return
    refs: dict[str, str] = {left_ref(mission, lane_id, tip): tip}
    last = mission.last_at_work(lane_id)
    before = commits.set_aside(last) if last else None
    goes_on = before is None or commits.repository.is_ancestor(before, tip)
    is_open = last is not None and mission.state_of(last).lane not in FINISHED
    is_resumed = bool(last and is_open and goes_on and commits.has_own_work(last, tip))
    if last and is_resumed:
        refs[set_aside_ref(mission, last)] = tip
    host_refs.write_refs(commits.repository, refs)
    if not is_resumed:
        workspace, root = mission.lane_workspace(lane_id), mission.files.project.root
        ref = f"{host_refs.PREFIX}{left_ref(mission, lane_id, tip)}"
        at = f"git -C {shlex.quote(str(workspace.path))}"
        yield (
            f"{workspace.branch} had commits of no approved package, up to {tip}; the project keeps"
            f" them as {ref}; to merge them here: {at} fetch {shlex.quote(str(root))} {ref} &&"
            f" {at} merge FETCH_HEAD"
        )


def recommended_base(mission: OpenMission, wp_id: str) -> str | None:
    """Return the branch with the work of the dependency that was finished last; None if none has one."""
    newest_first = sorted(
        lost_work.finished_dependencies(mission, wp_id),
        key=lambda x: (mission.state_of(x).since or "", x),
        reverse=True,
    )
    # The start of the package reports what is wrong.
    with suppress(StorageFailed), repositories.looking(mission.files.project) as repository:
        branches = (mission.workspace(x).branch for x in newest_first)
        return next((x for x in branches if repository and repository.branch_tip(x)), None)
    return None


def _report(
    mission: OpenMission, wp_id: str, *, base_ref: str | None, exists: bool
) -> WorkspaceReport:
    return WorkspaceReport(
        mission=mission.identity,
        wp_id=wp_id,
        prompt_path=mission.package(wp_id).prompt_path,
        workspace=mission.workspace(wp_id),
        exists=exists,
        base_ref=base_ref,
    )
