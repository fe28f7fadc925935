"""The commits of a package: submitted, approved, set aside, or still on its branch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from specify_cli.core.dependencies import needed_by
from specify_cli.core.events import UNRECORDED, Transitioned
from specify_cli.core.lanes import AT_WORK, FINISHED, Lane
from specify_cli.vcs import host_refs
from specify_cli.vcs.checkouts import HEADS
from specify_cli.vcs.merge_result import MergeResult
from specify_cli.vcs.objects import empty_tree
from specify_cli.vcs.repository import Repository
from specify_cli.workflow.mission import OpenMission
from specify_cli.workflow.reports import CommitsBeyond

# How far back merges are looked for, on the branch of a package and on its target.
MOST_MERGES = 10_000


@dataclass(frozen=True, slots=True)
class PackageCommits:
    """The commits of a mission's packages, according to its log and the refs of the host."""

    repository: Repository
    mission: OpenMission

    def approved(self, wp_id: str) -> str | None:
        """Return the commit that the package was approved with, if any.

        If the approval is older than the recording of commits, this is the commit at which the next
        package of the execution lane began, or else the tip of the branch.

        Raises:
            GitFailed: its branch is damaged.
        """
        state = self.mission.state_of(wp_id)
        if state.lane not in FINISHED:
            return None
        return state.commit if state.commit != UNRECORDED else self._presumed(wp_id)

    def unrecorded(self, besides: str | None = None) -> dict[str, str]:
        """Return the approved commits that the log does not record, by package id.

        Raises:
            GitFailed: a branch is damaged.
        """
        old = (
            x
            for x in self.mission.packages
            if x != besides
            and self.mission.state_of(x).lane in FINISHED
            and self.mission.state_of(x).commit == UNRECORDED
        )
        return {x: commit for x in old if (commit := self._presumed(x))}

    def handed_in(self, wp_id: str, to: Lane) -> str | None:
        """Return the commit that a move to `to`, into review or beyond, is about, if any.

        An approval is about the commit that was submitted, not about later commits on the branch.

        Raises:
            GitFailed: git cannot read the commits.
        """
        state = self.mission.state_of(wp_id)
        if to in FINISHED and state.lane in FINISHED:
            return self.approved(wp_id)
        is_in_review = state.lane in (Lane.FOR_REVIEW, Lane.IN_REVIEW)
        if to in FINISHED and is_in_review and state.commit != UNRECORDED:
            return state.commit
        if state.lane in AT_WORK:
            return self.own_tip(wp_id)
        return self.own_tip(wp_id) or self.set_aside(wp_id)

    def newest(self, wp_id: str) -> str | None:
        """Return the newest commit with work on the package, in whatever state it is; None if there is none.

        Raises:
            GitFailed: git cannot read the commits.
        """
        lane = self.mission.state_of(wp_id).lane
        if lane in FINISHED or lane in (Lane.FOR_REVIEW, Lane.IN_REVIEW):
            found = self.handed_in(wp_id, Lane.APPROVED)
        else:
            tip = self.own_tip(wp_id) if lane in AT_WORK else None
            found = tip or self.to_resume(wp_id)
        return found if found and self.repository.has_commit(found) else None

    def base(self, wp_id: str, commit: str) -> str:
        """Return what the work in `commit` is compared with.

        This is the commit at which the work began, merged with what `commit` has taken in since from the
        target and from approved dependencies; the empty tree if it shares no history with the target.

        Raises:
            GitFailed: git cannot read the commits.
        """
        begun = self.mission.state_of(wp_id).base_ref
        # A rewritten branch may no longer have it.
        if begun and self.repository.has_commit(begun):
            return self._with_merged_in(begun, wp_id, commit)
        onto, git = self.repository.branch_tip(self.mission.target_branch), self.repository.git
        found = git.run("merge-base", onto, commit, check=False).lines if onto else []
        return found[0] if found else empty_tree(commit)

    def _with_merged_in(self, begun: str, wp_id: str, commit: str) -> str:
        """Return `begun` merged with what `commit` has taken in since; `begun` if they are in conflict."""
        result = MergeResult.at(self.repository.git, begun, {})
        for brought in self._merged_in(begun, wp_id, commit):
            if not self.repository.is_ancestor(brought, result.commit):
                merged, conflicts = result.marked_with(result.commit, brought)
                if conflicts:
                    return begun
                result = merged.joined(merged.tree, brought, message="Compare the work with this")
        return result.commit

    def _merged_in(self, begun: str, wp_id: str, commit: str) -> list[str]:
        """Return the commits that merges after `begun` took in from the target or from approved dependencies."""
        git, approved = self.repository.git, self._approved_dependencies(wp_id)
        walk = ("rev-list", "--first-parent", f"--max-count={MOST_MERGES}")
        merges = git.run(*walk, "--merges", "--parents", commit, f"^{begun}").lines
        brought = [parent for it in reversed(merges) for parent in it.split()[2:]]
        onto = self.repository.branch_tip(self.mission.target_branch) if brought else None
        # Only its first parents: once the package is merged, its own commits are among the others.
        public = set(git.run(*walk, onto, f"^{begun}").lines) if onto else set()
        return [
            it
            for it in brought
            if it in public or any(self.repository.is_ancestor(it, known) for known in approved)
        ]

    def _approved_dependencies(self, wp_id: str) -> list[str]:
        """Return the recorded commits of the approved packages that the package depends on, directly or not."""
        states = (self.mission.state_of(x) for x in needed_by(self.mission.graph, wp_id))
        return [it.commit for it in states if it.commit and it.lane in FINISHED]

    def own_tip(self, wp_id: str) -> str | None:
        """Return the tip of the package's branch if the package has a commit of its own there.

        None if another package has worked in the execution lane since.

        Raises:
            GitFailed: the branch is damaged.
        """
        tip = self.branch_tip(wp_id)
        return tip if tip and self.has_own_work(wp_id, tip) else None

    def branch_tip(self, wp_id: str) -> str | None:
        """Return the tip of the package's branch; None if another package has worked there since.

        Raises:
            GitFailed: the branch is damaged.
        """
        mission = self.mission
        is_at_work = mission.state_of(wp_id).lane in AT_WORK
        if not is_at_work and mission.last_at_work(mission.lane_ids[wp_id]) not in (None, wp_id):
            return None
        branch = mission.workspace(wp_id).branch
        return self.repository.lane_tips([branch]).get(branch)

    def has_own_work(self, wp_id: str, tip: str) -> bool:
        """Whether `tip` has a commit, merges excluded, that is neither what the package started with nor merged in."""
        base = self.mission.state_of(wp_id).base_ref or self.origin()
        if base is None or not self.repository.has_commit(base):
            # The branch was rewritten, and the commit at which work began no longer exists.
            return False
        known = [base, *self._approved_dependencies(wp_id)]
        public = f"{HEADS}{self.mission.target_branch}"
        find = partial(self.repository.commits_beyond, tip, most=1, merges=False)
        # Commits that were merged in from the target are not its own, but its own may be in the target.
        return bool(find([*known, public]) or find(known, is_first_parent=True))

    def set_aside(self, wp_id: str) -> str | None:
        """Return the commit that was kept when the package left its execution lane unapproved, if any.

        Raises:
            GitFailed: git cannot read the ref.
        """
        return host_refs.read_ref(self.repository, set_aside_ref(self.mission, wp_id))

    def to_resume(self, wp_id: str) -> str | None:
        """Return the commit with which work on the package resumes, if any.

        Raises:
            GitFailed: git cannot read the ref.
        """
        state = self.mission.state_of(wp_id)
        return self.set_aside(wp_id) or state.commit or self.approved(wp_id)

    def beyond(self, lane_id: str, approved: Iterable[str]) -> CommitsBeyond | None:
        """Return the commits on the branch of an execution lane that no approval covers, if any.

        The commits at which packages of the lane started are excluded: they are approved, or merges by the host.

        Raises:
            GitFailed: git cannot read the commits.
        """
        branch = self.mission.lane_workspace(lane_id).branch
        tip = self.repository.lane_tips([branch]).get(branch)
        mates = (x for x, home in self.mission.lane_ids.items() if home == lane_id)
        starts = [base for x in mates if (base := self.mission.state_of(x).base_ref)]
        found = self.repository.commits_beyond(tip, [*approved, *starts]) if tip else []
        return CommitsBeyond(lane_id=lane_id, branch=branch, commits=found) if found else None

    def origin(self) -> str | None:
        """Return the commit that the execution lanes start from; None before the first one exists.

        The host keeps it in a ref that no agent can write. A person may update the mission's branch to
        a commit of its target; any other move of that branch is ignored.

        Raises:
            GitFailed: a branch is damaged.
        """
        mission = self.mission
        noted = host_refs.read_ref(self.repository, origin_ref(mission))
        tip = self.repository.lane_tips([mission.mission_branch]).get(mission.mission_branch)
        if tip is None or noted is None or tip == noted:
            return noted or tip
        target = self.repository.branch_tip(mission.target_branch)
        is_of_the_target = target is not None and self.repository.is_ancestor(tip, target)
        return tip if is_of_the_target else noted

    def _next_base(self, wp_id: str) -> str | None:
        """Return the commit at which the next package of the execution lane began after this one was approved."""
        mission = self.mission
        mates = {*mission.lane_mates(wp_id)} - {wp_id}
        moves = [event for event in mission.log.events if isinstance(event, Transitioned)]
        approvals = (
            n
            for n, it in enumerate(moves)
            if it.wp_id == wp_id and it.to_lane in FINISHED and it.from_lane not in FINISHED
        )
        since = max(approvals, default=len(moves))
        bases = (it.lane_base_ref for it in moves[since:] if it.wp_id in mates)
        return next((base for base in bases if base), None)

    def _presumed(self, wp_id: str) -> str | None:
        later = self._next_base(wp_id)
        if later and self.repository.has_commit(later):
            return later
        branch = self.mission.workspace(wp_id).branch
        begun = self.mission.state_of(wp_id).base_ref
        return self.repository.lane_tips([branch]).get(branch) if begun else None


def origin_ref(mission: OpenMission) -> str:
    """Return the name of the host's ref to the commit that the mission's execution lanes start from."""
    return f"origin/{mission.slug}"


def approved_ref(mission: OpenMission, wp_id: str) -> str:
    """Return the name of the host's ref to the approved commit of the package."""
    return f"approved/{mission.slug}/{wp_id}"


def handed_in_ref(mission: OpenMission, wp_id: str) -> str:
    """Return the name of the host's ref to the commit that the package was last submitted with."""
    return f"handed-in/{mission.slug}/{wp_id}"


def set_aside_ref(mission: OpenMission, wp_id: str) -> str:
    """Return the name of the host's ref to the commit of the package when it left its execution lane."""
    return f"set-aside/{mission.slug}/{wp_id}"


def left_ref(mission: OpenMission, lane_id: str, commit: str) -> str:
    """Return the name of the host's ref to a commit that a branch pointed to before it was reset."""
    return f"left/{mission.slug}/{lane_id}/{commit[:12]}"
