"""One move of a package, with what it means for the commits of the package and for its workspace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from specify_cli.core import claims, rules
from specify_cli.core.events import Annotated, Moved
from specify_cli.core.lanes import AT_WORK, FINISHED, HANDED_IN, OCCUPYING, Guard, Lane
from specify_cli.core.rules import Move, Sight
from specify_cli.core.state import PackageState
from specify_cli.core.wishes import Wish
from specify_cli.errors import StorageFailed, TransitionRejected
from specify_cli.vcs.git import GitFailed
from specify_cli.workflow import (
    ancestry,
    hand_in,
    keeping,
    lane_occupancy,
    merge_intent,
    offers,
    repositories,
)
from specify_cli.workflow.cause import Cause
from specify_cli.workflow.hand_in import HandIn
from specify_cli.workflow.moving import moved_events
from specify_cli.workflow.offers import Offer
from specify_cli.workflow.opened import OpenMission
from specify_cli.workflow.outcomes import CommitsBeyond
from specify_cli.workflow.package_commits import PackageCommits


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A move that may be made and recorded: where work starts or what it is, and what to tell the log."""

    base_ref: str | None = None
    commit: str | None = None
    told: Sequence[Annotated] = ()
    work: HandIn | None = None


def self_review(
    mission: OpenMission, wish: Wish, *, is_made: bool, origin: Lane | None = None
) -> tuple[str, ...]:
    """What the answer warns of where somebody judges their own work.

    A move that is made already (`is_made`, from `origin`) is not refused any more.

    Raises: TransitionRejected, StateUnreadable.
    """
    package = mission.state_of(wish.wp_id)
    rule = mission.files.project.settings.self_review
    warning = rules.check_self_review(
        replace(package, lane=origin or package.lane),
        wish,
        rule="warn" if is_made and rule == "refuse" else rule,
    )
    return (warning,) if warning else ()


def move(
    mission: OpenMission,
    wish: Wish,
    cause: Cause,
    *,
    offer: Offer,
    others: Sequence[Offer] = (),
) -> tuple[list[Moved], HandIn | None, tuple[str, ...]]:
    """The one move that was asked for is made and recorded; its work, where it has any, and warnings.

    `offer` is what the package's workspace has, and `others` what those of other packages have: the
    project has it from now on, where it may.

    Raises: WorkPackageAlreadyClaimed, DependenciesNotSatisfied, TransitionRejected,
    LaneAllocationFailed, LaneLost, StateUnreadable, StorageFailed.
    """
    package = mission.state_of(wish.wp_id)
    claims.check_admitted(package, wish)
    begins = wish.to is Lane.IN_PROGRESS and package.lane not in AT_WORK
    if not begins:  # Else what the workspace has is judged where it is made ready.
        offer = taken_in(mission, offer, others)
    moves = _decided(mission, package, wish, offer=offer)
    if wish.to in OCCUPYING:
        lane_occupancy.check_turn(mission, wish.wp_id)
    warned = self_review(mission, wish, is_made=False)
    if wish.to not in HANDED_IN:
        rules.check_commit(package, wish, None)
    if offer.refusal and _needs_commits(package, wish):
        raise offers.rejected(mission, wish, offer.refusal)
    ready = _prepared(mission, wish, package, offer=offer, owner=owner_of(mission, cause))
    # Judged before anything was kept, and here where there is no repository.
    rules.check_commit(package, wish, ready.commit)
    events = moved_events(moves, wish, cause, base_ref=ready.base_ref, commit=ready.commit)
    mission.append([*ready.told, *events], cause)
    return events, ready.work, (*warned, *offer.warnings)


def owner_of(mission: OpenMission, cause: Cause) -> int | None:
    """The user that a workspace made for this request belongs to; None for the host's own.

    Raises: StateUnreadable.
    """
    return mission.files.project.settings.owners.get(cause.identity or "")


def taken_in(mission: OpenMission, offer: Offer, others: Sequence[Offer] = ()) -> Offer:
    """The project has what the workspaces have, where it may; the refusal of `offer` else.

    Raises: StorageFailed.
    """
    if not any(it.fetched for it in (offer, *others)):
        return offer
    with _translated(mission), repositories.changing(mission.files.project) as repository:
        for other in others:
            other.take_in_what_fits(repository)
        return offer.take_in_what_fits(repository)


def _decided(
    mission: OpenMission, package: PackageState, wish: Wish, *, offer: Offer
) -> Sequence[Move]:
    """The moves that the table allows.

    Raises: as `rules.decide_transition`; TransitionRejected with the guard `intake` where what is missing may be in the workspace.
    """
    try:
        return rules.decide_transition(package, wish, _sight(mission, package, wish))
    except TransitionRejected as error:
        is_about_work = error.details.get("guard") == Guard.SUBTASKS_AND_EVIDENCE.value
        if offer.refusal and is_about_work:
            raise offers.rejected(mission, wish, offer.refusal) from error
        raise


def _needs_commits(package: PackageState, wish: Wish) -> bool:
    """Whether the move is about what is in the workspace now."""
    is_in_review = package.lane in (Lane.FOR_REVIEW, Lane.IN_REVIEW) and wish.to in FINISHED
    return wish.to in HANDED_IN and package.lane in AT_WORK and not is_in_review


def release(
    mission: OpenMission, wish: Wish, cause: Cause, *, holder: str, offer: Offer
) -> tuple[list[Moved], tuple[str, ...]]:
    """The move that ends the claim of `holder` is made and recorded; what the package has is kept.

    `offer` is what its workspace had, which was taken in before.

    Returns: the events, and warnings.

    Raises: StateUnreadable, StorageFailed.
    """
    package = mission.state_of(wish.wp_id)
    # A review that ends without a verdict leaves what was handed in.
    is_review = package.lane is Lane.IN_REVIEW
    ready = Prepared() if is_review else _prepared(mission, wish, package, offer=offer, owner=None)
    events = moved_events(
        (Move(from_lane=package.lane, to_lane=wish.to),),
        wish,
        cause,
        commit=package.commit,
        released_holder=holder,
    )
    mission.append([*ready.told, *events], cause)
    return events, offer.warnings


def _prepared(
    mission: OpenMission, wish: Wish, package: PackageState, *, offer: Offer, owner: int | None
) -> Prepared:
    # Who was forced past the start has no workspace of its own yet.
    is_begun = package.lane in AT_WORK and package.base_ref is not None
    begins = wish.to is Lane.IN_PROGRESS and not is_begun
    withdraws = package.lane in FINISHED and wish.to not in FINISHED
    leaves = wish.to in keeping.LEAVING and package.lane in AT_WORK
    if not (begins or withdraws or leaves or wish.to in HANDED_IN):
        return Prepared()
    with _translated(mission):
        repository = repositories.look(mission.files.project)
        if repository is None or not repository.has_commits():
            return Prepared()
        commits = PackageCommits(repository, mission)
        branch = mission.workspace(wish.wp_id).branch
        if withdraws:
            ancestry.check_withdrawal(commits, wish)
        if begins and (mission.was_at_work(wish.wp_id) or repository.branch_tip(branch)):
            from specify_cli.workflow import lane_workspaces

            ready = lane_workspaces.allocate(mission, wish.wp_id, offer=offer, owner=owner)
            return Prepared(base_ref=ready.workspace.base_ref, told=ready.told)
        commit = _commit_of(commits, wish, package)
        work = hand_in.look(mission, wish.wp_id, commit)
        if work:
            hand_in.check(mission, wish, work)
        if commit and wish.to in FINISHED:
            ancestry.check_approval(commits, wish, commit)
        with repositories.changing(mission.files.project):
            keeping.keep_for(commits, wish, commit)
            told = keeping.first_contact(commits, besides=wish.wp_id)
        return Prepared(commit=commit, told=told, work=work)


def _commit_of(commits: PackageCommits, wish: Wish, package: PackageState) -> str | None:
    """The commit that the move is about; refused where the caller looked at another one."""
    if wish.to not in HANDED_IN:
        return None
    commit = commits.handed_in(wish.wp_id, wish.to)
    rules.check_commit(package, wish, commit)
    return commit


def beyond_approval(mission: OpenMission, wish: Wish, commit: str | None) -> CommitsBeyond | None:
    """What the package's branch has beyond the commit that it was approved with.

    Raises: StorageFailed.
    """
    lane_id = mission.lane_ids[wish.wp_id]
    if wish.to not in FINISHED or mission.last_at_work(lane_id) != wish.wp_id:
        return None
    known = [commit] if commit else []
    with repositories.looking(mission.files.project) as repository:
        return PackageCommits(repository, mission).beyond(lane_id, known) if repository else None


def under_review(mission: OpenMission, wp_id: str) -> str | None:
    """The commit that an approval of the package would be about.

    Raises: StorageFailed.
    """
    with repositories.looking(mission.files.project) as repository:
        commits = PackageCommits(repository, mission) if repository else None
        return commits.handed_in(wp_id, Lane.APPROVED) if commits else None


@contextmanager
def _translated(mission: OpenMission) -> Iterator[None]:
    try:
        yield
    except GitFailed as error:
        raise StorageFailed(f"git cannot read the work of {mission.slug}: {error}") from error


def _sight(mission: OpenMission, package: PackageState, wish: Wish) -> Sight:
    """What the guard of this move wants to see; git is asked only where it matters."""
    guard = rules.guard_of(package.lane, wish.to)
    if wish.to is Lane.IN_PROGRESS:
        from specify_cli.workflow import lane_workspaces

        # Who goes back to work must find there what was done.
        lane_workspaces.inspect(mission, wish.wp_id)
    blind = Sight(
        unsatisfied_dependencies=mission.unsatisfied(wish.wp_id),
        is_being_merged=wish.wp_id in merge_intent.moved_packages(mission.files),
    )
    if wish.force or guard not in (Guard.WORKSPACE, Guard.SUBTASKS_AND_EVIDENCE):
        return blind
    from specify_cli.workflow import lane_workspaces

    return replace(
        blind,
        workspace=lane_workspaces.inspect(mission, wish.wp_id).exists,
        subtasks_complete=all(mission.subtask_ticks(wish.wp_id).values()),
        implementation_evidence=lane_workspaces.sees_implementation(mission, wish.wp_id),
    )
