"""The commands of the contract as methods, each of which returns a typed reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, Unpack

from spec_kitty_client.change_replies import (
    AcceptMission,
    AppendHistory,
    Heartbeat,
    MergeMission,
    ReleaseClaim,
    StartImplementation,
    StartReview,
    Transition,
)
from spec_kitty_client.contract import Command, Lane, Strategy
from spec_kitty_client.options import (
    ChangeOptions,
    Evidence,
    Options,
    PolicyOptions,
    ReviewResult,
)
from spec_kitty_client.read_replies import (
    ContractVersion,
    ListReady,
    MissionState,
    ResolveWorkspace,
)

T = TypeVar("T")


class Commands:
    """A method for each command of the contract.

    `mission` is the folder name of a mission, its number or its id. `wp` is `WP` and digits. `actor` is who
    acts, such as the name of an agent.

    Each method raises `Refused`, by its subclasses, if the host refuses the request; `NoWorkerError` if no
    worker serves the mailbox; another `NotAnsweredError` if there is no reply in time; `TransportError` if
    the host cannot be reached; and `BadReplyError` if what answers is not a host.
    """

    def _send(
        self,
        command: Command,
        shape: type[T],
        args: Mapping[str, object],
        options: Mapping[str, object],
    ) -> T:
        raise NotImplementedError

    def contract_version(
        self, provider_version: str | None = None, **options: Unpack[Options]
    ) -> ContractVersion:
        """Return the version of the contract that the host speaks.

        Args:
            provider_version: The version of the contract that the caller was written for.

        Raises:
            ContractVersionMismatch: The host does not serve that version.
        """
        args = {"provider_version": provider_version}
        return self._send("contract-version", ContractVersion, args, options)

    def mission_state(self, mission: str, **options: Unpack[Options]) -> MissionState:
        """Return the state of every work package of the mission."""
        return self._send("mission-state", MissionState, {"mission": mission}, options)

    def list_ready(self, mission: str, **options: Unpack[Options]) -> ListReady:
        """Return the work packages that can be started now; all of them can be started at the same time."""
        return self._send("list-ready", ListReady, {"mission": mission}, options)

    def resolve_workspace(
        self, mission: str, wp: str, **options: Unpack[Options]
    ) -> ResolveWorkspace:
        """Return the workspace, the branch and the prompt of a work package, existing or planned.

        Raises:
            LaneAllocationFailed: The branch with the recorded work does not exist any more.
        """
        args = {"mission": mission, "wp": wp}
        return self._send("resolve-workspace", ResolveWorkspace, args, options)

    def start_implementation(
        self, mission: str, wp: str, *, actor: str, **options: Unpack[PolicyOptions]
    ) -> StartImplementation:
        """Claim a work package, prepare its workspace, and move the package to `in_progress`.

        For a package that the same actor has in progress, this changes nothing (`no_op`) and returns the paths.

        Raises:
            WpAlreadyClaimed: Another actor holds the package, `claimed_by`.
            DependenciesNotSatisfied: Other packages go first, `unsatisfied_dependencies`.
            LaneAllocationFailed: The workspace cannot be prepared; `reason_code` tells why.
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
            to: `for_review` hands in the work. `approved` and `in_progress` end a review and take `review_result`.
            note: Why; required for some transitions. Of a review that sends back, what to change.
            force: Make a transition that is not in the table. For people: a mailbox refuses it.
            review_ref: Where the review can be read, if there is no `review_result`.
            review_result: The result of the review.
            evidence: The evidence of the review, for `approved`: `review_result.evidence`.
            subtasks_complete: Has no effect; the host looks itself.
            implementation_evidence_present: Counts only where the host has no evidence of its own.
            commit: The commit that the caller has examined; refused if the transition concerns another.

        Raises:
            TransitionRejected: A rule refused the transition; `guard` tells which.
            WpAlreadyClaimed: Another actor holds the package.
            DependenciesNotSatisfied: Other packages go first.
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
        """Take a work package, or its review, from a holder that shows no sign of life.

        Args:
            note: Why the claim is released.
            force: Release a claim that is not stale. For people: a mailbox refuses it.

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
