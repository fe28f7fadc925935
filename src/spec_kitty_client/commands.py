"""The commands of the contract as methods that return typed replies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Unpack

from spec_kitty_client.change_replies import (
    AcceptMission,
    AppendHistory,
    Heartbeat,
    MarkSubtasks,
    MergeMission,
    ReleaseClaim,
    StartImplementation,
    StartReview,
    Transition,
)
from spec_kitty_client.contract import Lane, Strategy, SubtaskStatus
from spec_kitty_client.options import (
    ChangeOptions,
    Evidence,
    PolicyOptions,
    ReviewResult,
)
from spec_kitty_client.read_commands import ReadCommands


class Commands(ReadCommands):
    """A method for each command of the contract."""

    def start_implementation(
        self, mission: str, wp: str, *, actor: str, **options: Unpack[PolicyOptions]
    ) -> StartImplementation:
        """Claim a work package, prepare its workspace, and move the package to `in_progress`.

        For a package that the same actor has in progress, this changes nothing (`no_op`) and returns the paths.

        Raises:
            WpAlreadyClaimed: Another actor holds the package, `claimed_by`.
            DependenciesNotSatisfied: Dependencies are not approved yet: `unsatisfied_dependencies`.
            LaneAllocationFailed: The workspace cannot be prepared; `reason_code` says why.
            TransitionRejected: The package is in a status lane from which it cannot be started.
        """
        args = {"mission": mission, "wp": wp, "actor": actor}
        return self._send("start-implementation", StartImplementation, args, options)

    def start_review(
        self,
        mission: str,
        wp: str,
        *,
        actor: str,
        review_ref: str | None = None,
        **options: Unpack[PolicyOptions],
    ) -> StartReview:
        """Claim the review of a work package that is in `for_review`.

        Raises:
            WpAlreadyClaimed: Another actor holds the review, `claimed_by`.
            TransitionRejected: The package does not wait for a review, or the actor may not review it.
        """
        args = {"mission": mission, "wp": wp, "actor": actor, "review_ref": review_ref}
        return self._send("start-review", StartReview, args, options)

    def transition(
        self,
        mission: str,
        wp: str,
        *,
        to: Lane,
        actor: str,
        note: str | None = None,
        force: bool = False,
        review_ref: str | None = None,
        review_result: ReviewResult | None = None,
        evidence: Evidence | None = None,
        subtasks_complete: bool | None = None,
        implementation_evidence_present: bool | None = None,
        commit: str | None = None,
        **options: Unpack[PolicyOptions],
    ) -> Transition:
        """Move a work package to another status lane.

        Args:
            to: `for_review` submits the work. `approved` and `in_progress` end a review and take `review_result`.
            note: The reason; some transitions require one. If a review sends the package back, what to change.
            force: Make a transition that is not in the table. Only people can force one: a mailbox refuses it.
            review_ref: Where the review can be read, if there is no `review_result`.
            review_result: The result of the review.
            evidence: The evidence of the review, for `approved`: `review_result.evidence`.
            subtasks_complete: Has no effect; the host checks the subtasks itself.
            implementation_evidence_present: Counts only where the host has no evidence of its own.
            commit: The commit that the caller has examined; refused if the transition concerns another.

        Raises:
            TransitionRejected: A rule refused the transition; `guard` names it.
            WpAlreadyClaimed: Another actor holds the package.
            DependenciesNotSatisfied: Dependencies are not approved yet.
            LaneAllocationFailed: Another package is at work in the execution lane, or the branch is lost.
        """
        args = {
            "mission": mission,
            "wp": wp,
            "to": to,
            "actor": actor,
            "note": note,
            "force": force,
            "review_ref": review_ref,
            "review_result": review_result,
            "evidence": evidence,
            "subtasks_complete": subtasks_complete,
            "implementation_evidence_present": implementation_evidence_present,
            "commit": commit,
        }
        return self._send("transition", Transition, args, options)

    def mark_subtasks(
        self,
        mission: str,
        subtasks: Iterable[str],
        *,
        actor: str,
        status: SubtaskStatus,
        wp: str | None = None,
        **options: Unpack[ChangeOptions],
    ) -> MarkSubtasks:
        """Mark subtasks as done or pending, all or none of them.

        Args:
            subtasks: Ids of subtasks. The id of a package stands for all of its subtasks.
            wp: The package that has them. Default: the packages that have a subtask of that id.

        Raises:
            UsageError: A subtask does not exist.
            TransitionRejected: The claim of the actor was released.
        """
        args = {
            "mission": mission,
            "wp": wp,
            "subtasks": list(subtasks),
            "status": status,
            "actor": actor,
        }
        return self._send("mark-subtasks", MarkSubtasks, args, options)

    def append_history(
        self, mission: str, wp: str, *, actor: str, note: str, **options: Unpack[ChangeOptions]
    ) -> AppendHistory:
        """Add a note to the history of a work package.

        Raises:
            TransitionRejected: The claim of the actor was released.
        """
        args = {"mission": mission, "wp": wp, "actor": actor, "note": note}
        return self._send("append-history", AppendHistory, args, options)

    def heartbeat(
        self, mission: str, wp: str, *, actor: str, **options: Unpack[PolicyOptions]
    ) -> Heartbeat:
        """Report that the holder of a work package, or of its review, is still at work.

        Send at least three within `stale_after_s` seconds, unless there are commits or other requests.

        Raises:
            WpAlreadyClaimed: Another actor holds the package, `claimed_by`.
            TransitionRejected: Nobody holds it.
        """
        args = {"mission": mission, "wp": wp, "actor": actor}
        return self._send("heartbeat", Heartbeat, args, options)

    def release_claim(
        self,
        mission: str,
        wp: str,
        *,
        actor: str,
        note: str,
        force: bool = False,
        **options: Unpack[PolicyOptions],
    ) -> ReleaseClaim:
        """Release a claim on a work package or its review: the actor's own, or that of a silent holder.

        Args:
            note: Why the claim is released.
            force: Release a claim that is not stale. Only people can do this: a mailbox refuses it.

        Raises:
            TransitionRejected: The claim is not stale before `stale_at`, or nobody holds the package.
        """
        args = {"mission": mission, "wp": wp, "actor": actor, "note": note, "force": force}
        return self._send("release-claim", ReleaseClaim, args, options)

    def accept_mission(
        self, mission: str, *, actor: str, **options: Unpack[PolicyOptions]
    ) -> AcceptMission:
        """Accept a mission whose work packages are all approved, done or canceled.

        Raises:
            MissionNotReady: Some are not, `incomplete_wps`.
            PreflightFailed: Something is in the way; `errors` names all of it.
        """
        return self._send(
            "accept-mission", AcceptMission, {"mission": mission, "actor": actor}, options
        )

    def merge_mission(
        self,
        mission: str,
        *,
        target: str | None = None,
        strategy: Strategy = "merge",
        push: bool = False,
        actor: str | None = None,
        **options: Unpack[PolicyOptions],
    ) -> MergeMission:
        """Merge the approved commits of the mission into its target branch, and mark its packages as done.

        Args:
            target: The branch. Default: the mission's own target.
            push: Push the merge to `origin` first. Allow time for it: `timeout_s=1000`.

        Raises:
            PreflightFailed: Something is in the way; `errors` names all of it, and `conflicts` the paths.
            UnsupportedStrategy: The host has other strategies, `supported`.
        """
        args = {
            "mission": mission,
            "target": target,
            "strategy": strategy,
            "push": push,
            "actor": actor,
        }
        return self._send("merge-mission", MergeMission, args, options)
