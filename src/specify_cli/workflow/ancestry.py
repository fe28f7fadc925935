"""An approved commit brings no unapproved ancestors, and stays approved while others build on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from specify_cli.core.dependencies import needed_by
from specify_cli.core.lanes import FINISHED, OCCUPYING, Lane
from specify_cli.core.wishes import Wish
from specify_cli.errors import TransitionRejected
from specify_cli.workflow.opened import OpenMission
from specify_cli.workflow.package_commits import PackageCommits

BUILT_UPON = OCCUPYING | FINISHED | {Lane.BLOCKED}
"""Lanes of a package whose work, begun on an approved commit, is or may be handed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stowaway:
    """A commit of a package that is neither approved nor done, in the history of another's work."""

    wp_id: str
    lane: Lane
    commit: str

    @property
    def sentence(self) -> str:
        """What is wrong, in words."""
        return f"commit {self.commit} is work of {self.wp_id}, which is {self.lane}"


def stowaways(
    commits: PackageCommits, tips: Sequence[str], *, besides: str | None = None
) -> list[Stowaway]:
    """One commit of each unapproved package, `besides` not counted, that the history of `tips` holds.

    Raises:
        GitFailed: git cannot read the commits.
    """
    mission, repository = commits.mission, commits.repository
    unapproved = [
        x
        for x in mission.packages
        if x != besides and mission.state_of(x).lane not in FINISHED and has_begun(mission, x)
    ]
    if not unapproved or not tips:
        return []
    origin = repository.lane_tips([mission.mission_branch]).values()
    brought = {x for tip in tips for x in repository.commits_beyond(tip, origin, merges=False)}
    found = ((x, _brought_of(commits, x, brought)) for x in unapproved)
    return [
        Stowaway(wp_id=x, lane=mission.state_of(x).lane, commit=min(theirs))
        for x, theirs in found
        if theirs
    ]


def has_begun(mission: OpenMission, wp_id: str) -> bool:
    """Whether the log knows of work on the package."""
    state = mission.state_of(wp_id)
    return state.base_ref is not None or bool(state.commit)


def check_approval(commits: PackageCommits, wish: Wish, commit: str) -> None:
    """Passes where the commit may be approved; force does not matter.

    Raises:
        TransitionRejected: with the guard `unapproved_ancestors`.
        GitFailed: git cannot read the commits.
    """
    found = stowaways(commits, [commit], besides=wish.wp_id)
    if found:
        named = "; ".join(it.sentence for it in found)
        place = commits.mission.workspace(wish.wp_id).path
        raise _rejected(
            commits.mission,
            wish,
            guard="unapproved_ancestors",
            complaint=f"its history holds work that is not approved: {named}; approve that first,"
            f" or take it out in {place} with 'git rebase -i' and hand in again",
        )


def check_withdrawal(commits: PackageCommits, wish: Wish) -> None:
    """Passes where no other package of the execution lane builds on an approval that is withdrawn.

    Raises:
        TransitionRejected: with the guard `approval_built_upon`, naming that package.
        GitFailed: git cannot read the commits.
    """
    mission = commits.mission
    approved = commits.approved(wish.wp_id)
    if approved is None:
        return
    for other in sorted({*mission.lane_mates(wish.wp_id)} - {wish.wp_id}):
        state = mission.state_of(other)
        if state.lane in BUILT_UPON and _builds_on(commits, other, {approved}):
            raise _rejected(
                mission,
                wish,
                guard="approval_built_upon",
                complaint=f"{other}, which is {state.lane}, builds on it: move {other} back to planned"
                " first, or cancel it",
            )


def _brought_of(commits: PackageCommits, wp_id: str, brought: Set[str]) -> Set[str]:
    """Those of the commits `brought` that are work of the package, and not of one it builds on."""
    mission, repository = commits.mission, commits.repository
    base = mission.state_of(wp_id).base_ref
    below = needed_by(mission.graph, wp_id)
    known = [*([base] if base else []), *_approved(commits, below)]
    own = {
        x
        for tip in _known_tips(commits, wp_id)
        for x in repository.commits_beyond(tip, known, merges=False)
    }
    if not own & brought:
        return set()
    others = (
        x
        for x in mission.packages
        if wp_id not in needed_by(mission.graph, x) and not _builds_on(commits, x, own)
    )
    settled = {
        x
        for commit in _approved(commits, others)
        for x in repository.commits_beyond(commit, known, merges=False)
    }
    return (own & brought) - settled


def _builds_on(commits: PackageCommits, wp_id: str, own: Set[str]) -> bool:
    base = commits.mission.state_of(wp_id).base_ref
    if base is None or not commits.repository.has_commit(base):
        return False
    return any(commits.repository.is_ancestor(x, base) for x in own)


def _approved(commits: PackageCommits, wp_ids: Iterable[str]) -> list[str]:
    return [commit for x in wp_ids if (commit := commits.approved(x))]


def _known_tips(commits: PackageCommits, wp_id: str) -> set[str]:
    found = {
        commits.mission.state_of(wp_id).commit,
        commits.set_aside(wp_id),
        commits.branch_tip(wp_id),
    }
    return {commit for commit in found if commit and commits.repository.has_commit(commit)}


def _rejected(
    mission: OpenMission, wish: Wish, *, guard: str, complaint: str
) -> TransitionRejected:
    from_lane = mission.state_of(wish.wp_id).lane
    return TransitionRejected(
        f"{wish.wp_id} cannot go from {from_lane} to {wish.to}: {complaint}",
        from_lane=from_lane.value,
        to_lane=wish.to.value,
        guard=guard,
    )
