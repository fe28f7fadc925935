"""Check what prevents a merge, and collect what it would merge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from specify_cli.core.claims import contest
from specify_cli.core.dependencies import in_order
from specify_cli.core.events import UNRECORDED
from specify_cli.core.lanes import FINISHED, Lane
from specify_cli.errors import PreflightFailed
from specify_cli.storage.mission_files import all_missions
from specify_cli.vcs.merge import LaneTip
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import ancestry
from specify_cli.workflow.accepting import incomplete, packages_in
from specify_cli.workflow.merge_scope import RefusedPaths, Scope, folder_in
from specify_cli.workflow.mission import OpenMission, branch_of_mission
from specify_cli.workflow.offers import Offer
from specify_cli.workflow.package_commits import PackageCommits
from specify_cli.workflow.reports import CommitsBeyond

_TOLD = 10


def problems(
    repository: Repository, mission: OpenMission, target: str, *, offers: Iterable[Offer]
) -> Iterator[str]:
    """Yield every problem that is visible before the merge is computed, one sentence each.

    `offers` are the workspaces of the execution lanes, which were read without a lock.
    """
    for offer in offers:
        yield from _uncommitted(offer)
    if repository.branch_tip(target) is None:
        yield f"there is no branch {target!r} to merge into: create it, or name another one"
    for slug in set(all_missions(mission.files.project)) - {mission.slug}:
        branch = branch_of_mission(slug)
        if target == branch or target.startswith(f"{branch}-lane-"):
            yield f"{target} is a branch of the mission {slug}: merge into another branch"
    lost = list(_lost_branches(repository, mission))
    yield from lost or _unapproved(repository, mission)
    unfinished = incomplete(mission)
    for wp_id in unfinished:
        state = mission.state_of(wp_id)
        yield (
            contest(state, wp_id, mission=mission.shell_name)
            or f"{wp_id} is {state.lane}: it must be approved or done"
        )
    if not unfinished and not finished(mission):
        yield f"mission {mission.slug} has no package that is approved or done"


def require_branch(repository: Repository, target: str) -> None:
    """Check that the target is the name of a branch, and not another expression that git resolves.

    Raises:
        PreflightFailed: something is in the way; every obstacle is named.
    """
    if not repository.is_plain_branch(target):
        refuse(
            [f"{target[:200]!r} is not the name of a branch: use a name that 'git branch' lists"]
        )


def _uncommitted(offer: Offer) -> Iterator[str]:
    if offer.workspace is None:
        return
    path = offer.workspace.path
    if offer.unseen:
        yield f"{path} cannot be read: {offer.unseen}"
    if offer.files:
        named = ", ".join(offer.files[:_TOLD]) + (" and more" if len(offer.files) > _TOLD else "")
        yield f"{path} has uncommitted work: commit or discard {named}"


def _lost_branches(repository: Repository, mission: OpenMission) -> Iterator[str]:
    """Yield the approved work whose commit or branch is missing."""
    for wp_id in packages_in(mission, Lane.APPROVED):
        branch, state = mission.workspace(wp_id).branch, mission.state_of(wp_id)
        if state.commit and not repository.has_commit(state.commit):
            yield (
                f"{wp_id} was approved with commit {state.commit}, which is no longer in the repository:"
                " fetch it from a remote that has it, or submit the package again"
            )
        if state.commit == UNRECORDED and state.base_ref and not repository.branch_tip(branch):
            yield f"{wp_id} was worked on in {branch}, which no longer exists: restore that branch"


def _unapproved(repository: Repository, mission: OpenMission) -> Iterator[str]:
    """Yield the unapproved work in the history of what is to be merged."""
    approved = [tip.commit for tip in tips(repository, mission)]
    for it in ancestry.stowaways(PackageCommits(repository, mission), approved):
        yield (
            f"{it.sentence}, and the work of another package builds on it: move that package back to"
            " in_progress, remove the commit with 'git rebase -i', and submit the package again"
        )


def finished(mission: OpenMission) -> list[str]:
    """Return the packages that are approved or done, each after its dependencies."""
    return [x for x in in_order(mission.graph) if mission.state_of(x).lane in FINISHED]


def tips(repository: Repository, mission: OpenMission) -> list[LaneTip]:
    """Return the approved commits, except ancestors of others in the same execution lane.

    Each execution lane comes after those that its packages depend on.
    """
    commits = PackageCommits(repository, mission)
    found: dict[str, list[str]] = {}
    for wp_id in finished(mission):
        commit = commits.approved(wp_id)
        if commit:
            found.setdefault(mission.lane_ids[wp_id], []).append(commit)
    return [
        LaneTip(lane_id=lane_id, branch=mission.lane_workspace(lane_id).branch, commit=commit)
        for lane_id, approved in found.items()
        for commit in repository.independent(approved)
    ]


def not_included(repository: Repository, mission: OpenMission) -> list[CommitsBeyond]:
    """Return the unapproved commits on the branches of execution lanes with finished packages.

    Raises:
        GitFailed: git cannot read the commits.
    """
    commits = PackageCommits(repository, mission)
    approved: dict[str, list[str]] = {}
    for wp_id in finished(mission):
        commit = commits.approved(wp_id)
        approved.setdefault(mission.lane_ids[wp_id], []).extend([commit] if commit else [])
    found = (commits.beyond(lane_id, known) for lane_id, known in approved.items())
    return [it for it in found if it]


def refuse(obstacles: Sequence[str], **details: object) -> None:
    """Do nothing without obstacles.

    Raises:
        PreflightFailed: there are obstacles; all of them are named.
    """
    if obstacles:
        raise PreflightFailed("; ".join(obstacles), errors=list(obstacles), **details)


def scope(
    repository: Repository, mission: OpenMission, tips: Sequence[LaneTip], *, target: str
) -> Scope:
    """Return what these execution lanes change beside the mission's own target branch, whatever `target` is."""
    onto = repository.branch_tip(mission.target_branch) or repository.branch_tip(target)
    return Scope(
        git=repository.git,
        slug=mission.slug,
        project=folder_in(repository, mission.files.project.root),
        tips=[tip.commit for tip in tips],
        onto=onto or "",
    )


def refuse_paths(found: Sequence[str], paths: RefusedPaths) -> None:
    """Check that the work changes no path that a merge may not change.

    Raises:
        PreflightFailed: naming the paths, and every obstacle in `found`.
    """
    if paths.total:
        texts = [f"a merge may not touch {sentence}" for sentence in paths.sentences()]
        refuse([*found, *texts], paths=paths.as_data(), paths_total=paths.total)
