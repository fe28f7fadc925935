"""Checks on the history of approved commits.

An approved commit has no unapproved ancestors, and stays approved while other packages build on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from specify_cli.core.dependencies import needed_by
from specify_cli.core.lanes import FINISHED, OCCUPYING, Lane
from specify_cli.core.move_intent import MoveIntent
from specify_cli.core.rules import Transition, rejected
from specify_cli.workflow.package_commits import PackageCommits

BUILT_UPON = OCCUPYING | FINISHED | {Lane.BLOCKED}
"""Status lanes of a package whose work may be submitted with the approved commit that it began on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stowaway:
    """A package's commit without approval in the history of another package's work."""

    wp_id: str
    lane: Lane
    commit: str

    @property
    def sentence(self) -> str:
        """The description for messages."""
        if self.lane in FINISHED:
            return f"commit {self.commit} is work of {self.wp_id} that its approval does not cover"
        return f"commit {self.commit} is work of {self.wp_id}, which is {self.lane}"


def stowaways(
    commits: PackageCommits, tips: Sequence[str], *, besides: str | None = None
) -> list[Stowaway]:
    """Find unapproved work in the history of `tips`: one commit of each package other than `besides`.

    Raises:
        GitFailed: git cannot read the commits.
    """
    mission, repository = commits.mission, commits.repository
    begun = [x for x in mission.packages if x != besides and mission.was_at_work(x)]
    if not begun or not tips:
        return []
    target = repository.branch_tip(mission.target_branch)
    public = [target] if target else []
    brought = {x for tip in tips for x in repository.commits_beyond(tip, public)}
    found = ((x, _brought_of(commits, x, brought, besides=besides)) for x in begun)
    return [
        Stowaway(wp_id=x, lane=mission.state_of(x).lane, commit=min(theirs))
        for x, theirs in found
        if theirs
    ]


def check_approval(commits: PackageCommits, intent: MoveIntent, commit: str) -> None:
    """Require that the commit has no unapproved ancestors, even with force.

    Raises:
        TransitionRejected: it has, with the guard `unapproved_ancestors`.
        GitFailed: git cannot read the commits.
    """
    found = stowaways(commits, [commit], besides=intent.wp_id)
    if found:
        named = "; ".join(it.sentence for it in found)
        path = commits.mission.workspace(intent.wp_id).path
        move = Transition(from_lane=commits.mission.state_of(intent.wp_id).lane, to_lane=intent.to)
        raise rejected(
            intent,
            move,
            guard="unapproved_ancestors",
            complaint=f"its history has work that is not approved: {named}; approve that first,"
            f" or remove it in {path} with 'git rebase -i' and submit the package again",
        )


def check_withdrawal(commits: PackageCommits, intent: MoveIntent) -> None:
    """Require that no other package of the execution lane builds on the approval to be withdrawn.

    Raises:
        TransitionRejected: one does, with the guard `approval_built_upon`.
        GitFailed: git cannot read the commits.
    """
    mission = commits.mission
    approved = commits.approved(intent.wp_id)
    if approved is None:
        return
    for other in sorted({*mission.lane_mates(intent.wp_id)} - {intent.wp_id}):
        state = mission.state_of(other)
        if state.lane in BUILT_UPON and _builds_on(commits, other, {approved}):
            raise rejected(
                intent,
                Transition(from_lane=mission.state_of(intent.wp_id).lane, to_lane=intent.to),
                guard="approval_built_upon",
                complaint=f"{other}, which is {state.lane}, builds on it: move {other} back to planned"
                " first, or cancel it",
            )


def _brought_of(
    commits: PackageCommits, wp_id: str, brought: Set[str], *, besides: str | None
) -> Set[str]:
    """Return those of the commits `brought` that are unapproved work of the package.

    Commits that a package merged in are not its own. The commits of two packages that a former version
    let work in one execution lane at once cannot be distinguished, so they do not count.
    """
    mission, repository = commits.mission, commits.repository
    mates = {*mission.lane_mates(wp_id)}
    if besides in mates and all(mission.state_of(x).occupies for x in (wp_id, besides)):
        return set()
    base = mission.state_of(wp_id).base_ref or commits.origin()
    target = repository.branch_tip(mission.target_branch)
    approved = commits.approved(wp_id)
    known = [x for x in (base, target, approved) if x]
    known += _approved(commits, needed_by(mission.graph, wp_id))
    tips = _known_tips(commits, wp_id)
    own = {x for tip in tips for x in repository.made_on_the_way(tip, known)} & brought
    if not own:
        return own
    others = (x for x in mates - {wp_id} if not _builds_on(commits, x, own))
    covered = {
        x for commit in _approved(commits, others) for x in repository.commits_beyond(commit, known)
    }
    return own - covered


def _builds_on(commits: PackageCommits, wp_id: str, own: Set[str]) -> bool:
    """Whether the base of the package has one of these commits in its history."""
    base = commits.mission.state_of(wp_id).base_ref
    if base is None or not commits.repository.has_commit(base):
        return False
    return any(commits.repository.is_ancestor(x, base) for x in own)


def _approved(commits: PackageCommits, wp_ids: Iterable[str]) -> list[str]:
    return [commit for x in wp_ids if (commit := commits.approved(x))]


def _known_tips(commits: PackageCommits, wp_id: str) -> set[str]:
    mission = commits.mission
    found = {*mission.commits_handed_in(wp_id), commits.set_aside(wp_id)}
    if mission.state_of(wp_id).lane not in FINISHED:
        found.add(commits.branch_tip(wp_id))
    return {commit for commit in found if commit and commits.repository.has_commit(commit)}
