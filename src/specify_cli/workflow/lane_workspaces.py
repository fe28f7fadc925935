"""The workspace of a package's execution lane: what is there to see, and making it ready."""

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
from specify_cli.vcs.errors import AllocationFailed
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.lane_bases import StartParts
from specify_cli.vcs.lane_branches import LaneBranches
from specify_cli.workflow import host_files, lane_creation, lane_folders, lost_work, repositories
from specify_cli.workflow.kept_work import first_contact, note_origin
from specify_cli.workflow.mission import OpenMission, Workspace
from specify_cli.workflow.offers import Offer
from specify_cli.workflow.package_commits import PackageCommits, left_ref, set_aside_ref
from specify_cli.workflow.reports import WorkspaceReport
from specify_cli.workflow.workspace_index import WorkspaceIndex

_REFUSALS = (AllocationFailed, IntakeRefused)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocated:
    """A workspace that is ready, and what the log is to be told along with the move into it."""

    workspace: WorkspaceReport
    told: Sequence[Annotated]
    warnings: tuple[str, ...] = ()


def allocate(mission: OpenMission, wp_id: str, *, offer: Offer, owner: int | None) -> Allocated:
    """The package's workspace is on its branch, with the approved work that it builds on.

    That is what of its execution lane and of its dependencies is approved, and its own of before.

    Args:
        offer: What the workspace that is there has: that comes first.
        owner: The user that a new workspace belongs to; None for the host's own.

    Raises: LaneAllocationFailed with the `reason`, LaneLost; StorageFailed.
    """
    place = mission.workspace(wp_id)
    try:
        _require_own_names(mission, place)
        with repositories.changing(mission.files.project) as repository:
            lost_work.check_start(repository, mission, wp_id)
            commits = PackageCommits(repository, mission)
            parts = _parts(commits, wp_id, offer)
            # Before the branch is moved, which is all that tells of them.
            told = first_contact(commits, besides=wp_id)
            branches = LaneBranches.of(
                repository,
                lane=place.branch,
                mission=place.mission_branch,
                target=place.target_branch,
                origin=commits.origin(),
            )
            start = branches.start(repository, parts)
            ready = lane_creation.LaneCreation(
                mission=mission,
                repository=repository,
                place=place,
                branches=branches,
                offer=offer,
                owner=owner,
            )
            left: list[str] = []

            def leave(tip: str) -> None:
                left.extend(_keep(commits, place.lane_id, tip))

            warnings = (*ready.at(start.tip, leave=leave), *left)
            note_origin(commits)
            # After what may be refused: nothing is left of that.
            host_files.write_lanes(mission)
    except (*_REFUSALS, GitFailed, PreflightFailed, OSError) as error:
        raise _refused(place, wp_id, error) from error
    base = mission.state_of(wp_id).base_ref if parts.goes_on else None
    report = _report(mission, wp_id, base_ref=base or start.base, exists=True)
    return Allocated(workspace=report, told=told, warnings=warnings)


def _require_own_names(mission: OpenMission, place: Workspace) -> None:
    """No execution lane of a mission `a` has the branch of a mission `a-lane-b`.

    Raises:
        AllocationFailed: naming the two missions.
    """
    project = mission.files.project
    found = None
    with suppress(StateUnreadable):  # Whoever works on a damaged mission is told.
        found = WorkspaceIndex(project).find(mission.slug)
    names = (found[0].slug, mission.slug) if found else (mission.slug, place.path.name)
    if found or place.path.name in all_missions(project):
        one, other = names
        text = f"an execution lane of mission {one} has the same branch as mission {other}; rename a mission"
        raise AllocationFailed(text)


def _refused(place: Workspace, wp_id: str, error: Exception) -> LaneAllocationFailed:
    refusal = error if isinstance(error, _REFUSALS) else AllocationFailed(str(error))
    return LaneAllocationFailed(
        f"no workspace for {wp_id} at {place.path}: {refusal.reason}",
        reason=refusal.reason,
        reason_code=refusal.code,
        files=list(refusal.paths if isinstance(refusal, IntakeRefused) else refusal.files),
        lane_id=place.lane_id,
    )


def reopen(mission: OpenMission, wp_id: str, *, offer: Offer, owner: int | None) -> WorkspaceReport:
    """The workspace of a package that work has begun on, made again if it is gone, else untouched.

    Raises: LaneAllocationFailed with the `reason`, LaneLost.
    """
    found = inspect(mission, wp_id)
    return found if found.exists else allocate(mission, wp_id, offer=offer, owner=owner).workspace


def inspect(mission: OpenMission, wp_id: str) -> WorkspaceReport:
    """Where the package is, or will be, worked on, without changing anything.

    Raises: LaneLost.
    """
    place = mission.workspace(wp_id)
    repository = repositories.look(mission.files.project)
    exists = False
    if repository is not None:
        lost_work.check_work(repository, mission, wp_id)
        exists = lane_folders.look(mission.files.project, repository, place.path).is_usable
    return _report(mission, wp_id, base_ref=mission.state_of(wp_id).base_ref, exists=exists)


def sees_implementation(mission: OpenMission, wp_id: str) -> bool | None:
    """Whether the package has a commit of its own on its branch; None where there is no such branch."""
    with repositories.looking(mission.files.project) as repository:
        commits = PackageCommits(repository, mission) if repository else None
        tip = commits.branch_tip(wp_id) if commits else None
        return commits.has_own_work(wp_id, tip) if commits and tip else None


def _parts(commits: PackageCommits, wp_id: str, offer: Offer) -> StartParts:
    """What the package builds on, once the workspace's commits are in the project.

    Raises:
        IntakeRefused: they must not come in, or the package would go on without them.
    """
    mission, standing = commits.mission, offer.standing(commits.repository)
    if offer.refusal or standing is BranchRelation.AHEAD:
        offer.take_in(commits.repository)
    elif standing in (BranchRelation.REWRITTEN, BranchRelation.DIVERGED) and offer.fetched:
        # Nobody goes on from there, and nothing that somebody made is lost.
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
    """Whether the package's branch is as the package left it, or has gone on from there.

    Another one's start may have been cut off, or somebody has reset the branch.
    """
    state = commits.mission.state_of(wp_id)
    # Who was forced past the start, into review, has found another's work on the branch.
    if state.lane is Lane.IN_PROGRESS or (state.lane in AT_WORK and state.base_ref is not None):
        return True
    tip = commits.branch_tip(wp_id)
    has_own = own is not None and commits.repository.has_commit(own)
    return bool(tip and has_own and commits.repository.is_ancestor(own or "", tip))


def _named(commits: PackageCommits, wp_ids: Iterable[str]) -> dict[str, str]:
    return {x: commit for x in wp_ids if (commit := commits.approved(x))}


def _keep(commits: PackageCommits, lane_id: str, tip: str) -> Iterator[str]:
    """What the branch of the execution lane has, and is to lose, is kept by refs of the host.

    Yields a warning where nothing else tells of it.
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
            f" them as {ref}; to have them here: {at} fetch {shlex.quote(str(root))} {ref} &&"
            f" {at} merge FETCH_HEAD"
        )


def recommended_base(mission: OpenMission, wp_id: str) -> str | None:
    """The branch that holds the work of the dependency settled last; None where none left work."""
    newest_first = sorted(
        lost_work.finished_dependencies(mission, wp_id),
        key=lambda x: (mission.state_of(x).since or "", x),
        reverse=True,
    )
    # Whoever starts the package is told what is wrong.
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
