"""Which commits are the work of a package: handed in, approved, set aside, or on its branch still."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from specify_cli.core.dependencies import needed_by
from specify_cli.core.events import UNRECORDED
from specify_cli.core.lanes import AT_WORK, FINISHED, Lane
from specify_cli.vcs import host_refs
from specify_cli.vcs.repository import Repository
from specify_cli.workflow.mission import OpenMission
from specify_cli.workflow.reports import CommitsBeyond


@dataclass(frozen=True, slots=True)
class PackageCommits:
    """The commits of the packages of a mission, as the log and the host's own refs name them."""

    repository: Repository
    mission: OpenMission

    def approved(self, wp_id: str) -> str | None:
        """The commit that the package was approved with; None without one, or where it is not approved.

        Approved before commits were recorded, it is what the next package of its execution lane
        began at, and else the tip of its branch.

        Raises:
            GitFailed: its branch is damaged.
        """
        state = self.mission.state_of(wp_id)
        if state.lane not in FINISHED:
            return None
        return state.commit if state.commit != UNRECORDED else self._presumed(wp_id)

    def unrecorded(self, besides: str | None = None) -> dict[str, str]:
        """Package id to its approved commit, for those of which the log does not record it.

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
        """The commit that a move to `to`, into review or beyond, is about; None where there is none.

        An approval is about what was handed in, whatever has come to the branch since.

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

    def own_tip(self, wp_id: str) -> str | None:
        """The tip of the branch that the package works on, where it has a commit of its own there.

        None where another package has worked in the execution lane since.

        Raises:
            GitFailed: the branch is damaged.
        """
        tip = self.branch_tip(wp_id)
        return tip if tip and self.has_own_work(wp_id, tip) else None

    def branch_tip(self, wp_id: str) -> str | None:
        """The tip of the package's branch while nobody else has worked there since; None else.

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
        """Whether `tip` has a commit that the package started without, merges not counted."""
        base = self.mission.state_of(wp_id).base_ref or self.origin()
        if base is None or not self.repository.has_commit(base):
            # The branch was rewritten, and the commit that work began on is gone.
            return False
        others = needed_by(self.mission.graph, wp_id)
        states = (self.mission.state_of(x) for x in others)
        known = [it.commit for it in states if it.commit and it.lane in FINISHED]
        return bool(self.repository.commits_beyond(tip, [base, *known], most=1, merges=False))

    def set_aside(self, wp_id: str) -> str | None:
        """The commit that was kept when the package left its execution lane unapproved.

        Raises:
            GitFailed: git cannot read the ref.
        """
        return host_refs.read_ref(self.repository, set_aside_ref(self.mission, wp_id))

    def to_resume(self, wp_id: str) -> str | None:
        """What the package had when it was worked on last, and finds again when it is resumed.

        Raises:
            GitFailed: git cannot read the ref.
        """
        state = self.mission.state_of(wp_id)
        return self.set_aside(wp_id) or state.commit or self.approved(wp_id)

    def beyond(self, lane_id: str, approved: Iterable[str]) -> CommitsBeyond | None:
        """The commits on the branch of an execution lane beyond those `approved`; None without any.

        What a package of the lane started from is approved, or the host's own merge.

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
        """The commit that the execution lanes start from; None before the first one was begun.

        The host notes it where no agent can write. A person may bring the mission's branch up to what
        its target has; wherever else the branch was moved does not count.

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

    def _presumed(self, wp_id: str) -> str | None:
        later = self.mission.began_after_approval(wp_id)
        if later and self.repository.has_commit(later):
            return later
        branch = self.mission.workspace(wp_id).branch
        begun = self.mission.state_of(wp_id).base_ref
        return self.repository.lane_tips([branch]).get(branch) if begun else None


def origin_ref(mission: OpenMission) -> str:
    """The name of the host's ref to the commit that the execution lanes of the mission start from."""
    return f"origin/{mission.slug}"


def approved_ref(mission: OpenMission, wp_id: str) -> str:
    """The name of the host's ref that keeps the approved commit of the package."""
    return f"approved/{mission.slug}/{wp_id}"


def handed_in_ref(mission: OpenMission, wp_id: str) -> str:
    """The name of the host's ref that keeps what the package was handed in with last."""
    return f"handed-in/{mission.slug}/{wp_id}"


def set_aside_ref(mission: OpenMission, wp_id: str) -> str:
    """The name of the host's ref that keeps what the package had when it left its execution lane."""
    return f"set-aside/{mission.slug}/{wp_id}"


def left_ref(mission: OpenMission, lane_id: str, commit: str) -> str:
    """The name of the host's ref that keeps what a branch had when it was pointed elsewhere."""
    return f"left/{mission.slug}/{lane_id}/{commit[:12]}"
