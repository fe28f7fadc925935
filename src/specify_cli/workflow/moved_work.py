"""The commits that a move is about: fetch, check and keep them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from specify_cli.core import rules
from specify_cli.core.events import Transitioned
from specify_cli.core.lanes import AT_WORK, FINISHED, HANDED_IN, LEAVING, Lane
from specify_cli.core.move_intent import MoveIntent
from specify_cli.core.state import PackageState
from specify_cli.errors import StorageFailed
from specify_cli.vcs.git import GitFailed
from specify_cli.workflow import ancestry, kept_work, lane_workspaces, repositories, submitted_work
from specify_cli.workflow.mission import OpenMission
from specify_cli.workflow.offers import Offer
from specify_cli.workflow.package_commits import PackageCommits
from specify_cli.workflow.reports import CommitsBeyond
from specify_cli.workflow.transition_events import PreparedTransition


def taken_in(mission: OpenMission, offer: Offer, others: Sequence[Offer] = ()) -> Offer:
    """Update the project's branches to the workspaces' commits where that is allowed; return `offer` with its refusal.

    Raises:
        StorageFailed: the disk or git refused.
    """
    with _translated(mission), repositories.changing(mission.files.project) as repository:
        for other in others:
            other.take_in_what_fits(repository)
        return offer.take_in_what_fits(repository)


def prepared(
    mission: OpenMission,
    intent: MoveIntent,
    package: PackageState,
    *,
    offer: Offer,
    owner: int | None,
) -> PreparedTransition:
    """Keep the work of the move and return what the move records; prepare a workspace if work resumes.

    Raises:
        TransitionRejected: a guard refuses the move.
        LaneAllocationFailed, LaneLost: the workspace cannot be made, or its branch is gone.
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    # A package that was forced past the start does not have a workspace yet.
    is_begun = package.lane in AT_WORK and package.base_ref is not None
    begins = intent.to is Lane.IN_PROGRESS and not is_begun
    withdraws = package.lane in FINISHED and intent.to not in FINISHED
    leaves = intent.to in LEAVING and package.lane in AT_WORK
    if not (begins or withdraws or leaves or intent.to in HANDED_IN):
        return PreparedTransition()
    with _translated(mission):
        repository = repositories.look(mission.files.project)
        if repository is None or not repository.has_commits():
            return PreparedTransition()
        commits = PackageCommits(repository, mission)
        branch = mission.workspace(intent.wp_id).branch
        if withdraws:
            ancestry.check_withdrawal(commits, intent)
        if begins and (mission.was_at_work(intent.wp_id) or repository.branch_tip(branch)):
            ready = lane_workspaces.allocate(mission, intent.wp_id, offer=offer, owner=owner)
            return PreparedTransition(
                base_ref=ready.workspace.base_ref, annotations=ready.annotations
            )
        commit = _commit_of(commits, intent, package)
        work = submitted_work.examine(mission, intent.wp_id, commit)
        if work:
            submitted_work.check(mission, intent, work)
        if commit and intent.to in FINISHED:
            ancestry.check_approval(commits, intent, commit)
        with repositories.changing(mission.files.project):
            kept_work.keep_for(commits, intent, commit)
            annotations = kept_work.first_contact(commits, besides=intent.wp_id)
        return PreparedTransition(commit=commit, annotations=annotations, work=work)


def _commit_of(commits: PackageCommits, intent: MoveIntent, package: PackageState) -> str | None:
    """Return the commit that the move is about; refuse the move if the caller names another one."""
    if intent.to not in HANDED_IN:
        return None
    commit = commits.handed_in(intent.wp_id, intent.to)
    rules.check_commit(package, intent, commit)
    return commit


def beyond_approval(
    mission: OpenMission, intent: MoveIntent, commit: str | None
) -> CommitsBeyond | None:
    """Return the commits of the package's branch after the commit that it is approved with.

    Raises:
        StorageFailed: the disk or git refused.
    """
    lane_id = mission.lane_ids[intent.wp_id]
    if mission.last_at_work(lane_id) != intent.wp_id:
        return None
    known = [commit] if commit else []
    with repositories.looking(mission.files.project) as repository:
        return PackageCommits(repository, mission).beyond(lane_id, known) if repository else None


def under_review(mission: OpenMission, wp_id: str) -> str | None:
    """Return the commit that an approval of the package would be about.

    Raises:
        StorageFailed: the disk or git refused.
    """
    with repositories.looking(mission.files.project) as repository:
        commits = PackageCommits(repository, mission) if repository else None
        return commits.handed_in(wp_id, Lane.APPROVED) if commits else None


def set_aside(mission: OpenMission, event: Transitioned) -> str | None:
    """Return the commit that the host keeps for the package since this transition into planned, if any.

    Raises:
        StorageFailed: the disk or git refused.
    """
    if event.to_lane is not Lane.PLANNED or event.from_lane not in AT_WORK:
        return None
    with _translated(mission), repositories.looking(mission.files.project) as repository:
        return PackageCommits(repository, mission).set_aside(event.wp_id) if repository else None


@contextmanager
def _translated(mission: OpenMission) -> Iterator[None]:
    try:
        yield
    except GitFailed as error:
        raise StorageFailed(f"git cannot read the work of {mission.slug}: {error}") from error
