"""One merge of one mission: compute, check, update the target once, record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace

from specify_cli.core.events import Transitioned
from specify_cli.core.lanes import Lane
from specify_cli.core.move_intent import MergeOptions, MoveIntent
from specify_cli.core.rules import Transition
from specify_cli.errors import PreflightFailed, StorageFailed, Unfinished
from specify_cli.files import durability
from specify_cli.storage import event_lines
from specify_cli.storage.intents import Intents
from specify_cli.vcs import merge, remote_push
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.merge import CheckoutBlocked, MergeConflict, MergePlan, TargetMoved
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import lane_retirement, merge_intent, merge_preflight
from specify_cli.workflow.accepting import incomplete, packages_in
from specify_cli.workflow.context import RequestContext, conflict
from specify_cli.workflow.kept_work import HOST_ACTOR
from specify_cli.workflow.merge_computation import MergeComputation
from specify_cli.workflow.merge_intent import MergeIntent
from specify_cli.workflow.merge_push import Push
from specify_cli.workflow.merged_work import MergedWork
from specify_cli.workflow.mission import OpenMission, Workspace, reopened
from specify_cli.workflow.offers import NOTHING, Offer
from specify_cli.workflow.package_commits import PackageCommits
from specify_cli.workflow.reports import MergeReport
from specify_cli.workflow.submitted_work import left_out_warnings
from specify_cli.workflow.transition_events import moved_events

REFUSED_MOVE = (TargetMoved, CheckoutBlocked, GitFailed)


def unfinished(plan: MergePlan, error: Exception, *, where: str | None = None) -> Unfinished:
    """Return the error for a merge that is in the target, or in `where`, and is not recorded."""
    return Unfinished(
        f"{where or plan.target} has the merge {plan.to_commit[:12]}, but recording it failed: {error};"
        " free or repair the disk, then send the same request again to complete it"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRun:
    """One merge of one mission on behalf of one request."""

    repository: Repository
    mission: OpenMission
    options: MergeOptions
    context: RequestContext
    offers: Sequence[Offer]

    @property
    def target(self) -> str:
        """The branch to merge into."""
        return self.options.target or self.mission.target_branch

    @property
    def _computation(self) -> MergeComputation:
        return MergeComputation(
            repository=self.repository,
            mission=self.mission,
            target=self.target,
            strategy=self.options.strategy,
        )

    def advance(self, pushed: Push | None) -> MergeReport | Push:
        """Merge and record it, or return what must be pushed first; `pushed` is what origin has now."""
        intent = merge_intent.pending(self.mission.files)
        if intent is not None and self._waits_for(intent, pushed):
            return Push(self.mission.files, self.repository, intent.plan, is_new=False)
        plan = self.begun(intent) if intent is not None else None
        run = replace(self, mission=reopened(self.mission))
        made = plan or run.carry_out()
        return made if isinstance(made, Push) else run.report(made)

    def _waits_for(self, intent: MergeIntent, pushed: Push | None) -> bool:
        """Whether it is unknown if origin has that merge."""
        is_known = pushed is not None and pushed.plan.to_commit == intent.plan.to_commit
        is_open = intent.is_pushed and not intent.is_complete and not is_known
        return is_open and not self._conflicts(intent) and not self._has_moved(intent)

    def _conflicts(self, intent: MergeIntent) -> bool:
        return intent.is_of(self.context) and intent.kept.digest != self.context.request_digest

    def begun(self, intent: MergeIntent) -> MergePlan | None:
        """Return the plan of this request's own merge that began before, if any."""
        if not intent.is_of(self.context):
            return self.complete_or_undo(intent)
        with self._completing(intent):
            return self.complete_or_undo(intent)

    def complete_or_undo(self, intent: MergeIntent) -> MergePlan | None:
        """Complete an interrupted merge if the branch had moved, else undo it.

        Return the plan if the merge is this request's own.
        """
        is_own = intent.is_of(self.context)
        if self._conflicts(intent):
            raise conflict(self.context.correlation_id)
        if not intent.is_complete:
            self._finish(intent, is_own=is_own)
        if not is_own:
            merge_intent.discard(self.mission.files)
            return None
        self._count(intent)
        return intent.plan

    def carry_out(self) -> MergePlan | Push:
        """Compute and check the merge; apply and record it, unless it must be pushed first."""
        merge_preflight.require_branch(self.repository, self.target)
        done = self._done_before()
        if done is not None:
            return done
        lines = event_lines.encode(self.done_events(), mission_slug=self.mission.slug)
        # After a power loss, the record of a checkout update may be there without its intent.
        merge.recover_checkouts(self.repository, self.target)
        plan = self._computation.plan(lines, offers=self.offers)
        # The intent says whether it is pushed, so that a host that is killed after the push knows.
        files = self.mission.files
        intent = merge_intent.new_intent(
            files, self.context, plan=plan, lines=lines, is_pushed=self.options.push
        )
        # The commits must be on the disk before an intent names them.
        durability.sync_all()
        merge_intent.store(files, intent)
        if intent.is_pushed:
            return Push(files, self.repository, plan, is_new=True)
        with self._completing(intent):
            self._move(intent)
            self._record(intent)
            self._count(intent)
        return plan

    def _done_before(self) -> MergePlan | None:
        """Return the plan without changes if every package was merged into the target before.

        Merging again could conflict with what the target got since, or undo it.
        """
        mission = self.mission
        tip = self.repository.branch_tip(self.target)
        is_over = not packages_in(mission, Lane.APPROVED) and not incomplete(mission)
        if tip is None or not is_over or not merge_preflight.finished(mission):
            return None
        merged = MergedWork(self.repository, mission)
        commit = merged.noted(self.target)
        if commit is None or merged.missing_from(commit):
            return None
        return MergePlan(target=self.target, from_commit=tip, to_commit=tip)

    @contextmanager
    def _completing(self, intent: MergeIntent) -> Iterator[None]:
        """Turn an error after the target has moved into `Unfinished`: the merge will be completed."""
        try:
            yield
        except (*REFUSED_MOVE, StorageFailed, PreflightFailed, OSError) as error:
            if not self._has_moved(intent):
                raise
            raise unfinished(intent.plan, error) from error

    def report(self, plan: MergePlan) -> MergeReport:
        """Return what was done; retire the workspaces without uncommitted or unapproved work."""
        commit = plan.to_commit if plan.to_commit != plan.from_commit else None
        if commit:
            self.context.effects.commits.append(commit)
        left_over = merge_preflight.not_included(self.repository, self.mission)
        kept = {it.lane_id for it in left_over}
        try:
            lanes = [self.mission.lane_workspace(it.lane_id) for it in self.mission.lanes]
            removed = [self._retires(lane, kept) for lane in lanes]
            lane_retirement.update_mirror(self.repository, self.mission)
        except (GitFailed, StorageFailed, OSError) as error:
            raise unfinished(plan, error) from error
        return MergeReport(
            mission=self.mission.identity,
            target_branch=plan.target,
            strategy=self.options.strategy,
            merged=tuple(merge_preflight.finished(self.mission)),
            canceled=packages_in(self.mission, Lane.CANCELED),
            worktrees_removed=all(removed),
            commit=commit,
            warnings=(
                *left_out_warnings(plan.left_out),
                *(text for it in self.offers for text in it.warnings),
            ),
            commits_not_included=tuple(left_over),
        )

    def _retires(self, lane: Workspace, kept: Set[str]) -> bool:
        """Whether the workspace of the execution lane is gone."""
        offer = next((it for it in self.offers if it.workspace == lane), NOTHING)
        if lane.lane_id in kept:
            offer = offer._replace(unseen="it has commits that were not approved")
        return lane_retirement.retire(self.repository, self.mission, lane, offer=offer)

    def _move(self, intent: MergeIntent) -> None:
        """Update the target branch and its checkouts. A pushed merge is at origin already."""
        plan = intent.plan
        try:
            merge.apply(self.repository, self._caught_up(intent) if intent.is_pushed else plan)
        except (*REFUSED_MOVE, MergeConflict) as error:
            if self._has_moved(intent):
                raise
            # The intent is needed to recover a half-updated checkout, so it stays until that is done.
            merge.finish(self.repository, plan)
            if not intent.is_pushed:
                merge_intent.discard(self.mission.files)
                merge_preflight.refuse([f"{plan.target} was not moved: {error}"])
            text = (
                f"{remote_push.REMOTE} has the merge {plan.to_commit[:12]}, but {plan.target} could not"
                f" be updated: {error}; fix that, or pull, and try again"
            )
            merge_preflight.refuse([text])

    def _caught_up(self, intent: MergeIntent) -> MergePlan:
        """Return the plan, merged with commits that the target got during the push."""
        plan = intent.plan
        if self.repository.branch_tip(plan.target) in (plan.from_commit, plan.to_commit, None):
            return plan
        return self._computation.catch_up(plan, intent.lines)

    def _finish(self, intent: MergeIntent, *, is_own: bool) -> None:
        merge.finish(self.repository, intent.plan)
        if (is_own or intent.is_pushed) and not self._has_moved(intent):
            self._move(intent)
        if self._has_moved(intent):
            self._record(intent)

    def _has_moved(self, intent: MergeIntent) -> bool:
        tip = self.repository.branch_tip(intent.plan.target)
        return tip is not None and self.repository.is_ancestor(intent.plan.to_commit, tip)

    def _record(self, intent: MergeIntent) -> None:
        """Append the lines to the mission's log and mark the intent complete, in one transaction."""
        files = self.mission.files
        MergedWork(self.repository, self.mission).note(intent.plan.target, intent.plan.to_commit)
        # Nobody writes the note again once the record has the merge.
        durability.sync_all()
        files.log.append_lines(intent.lines, also=merge_intent.completion_rows(files, intent))

    def _count(self, intent: MergeIntent) -> None:
        """Count the events as effects of this request; its answer removes the intent."""
        if self.context.decision is not None:
            self.context.decision.settles = Intents.dropping(intent.kept)
        counted = self.context.effects.event_ids
        counted.extend(x for x in event_lines.ids_in(intent.lines) if x not in counted)

    def done_events(self) -> Sequence[Transitioned]:
        """Return the moves of all approved packages to done."""
        step = Transition(from_lane=Lane.APPROVED, to_lane=Lane.DONE)
        actor, note = self.options.actor or HOST_ACTOR, f"merged into {self.target}"
        commits = PackageCommits(self.repository, self.mission)
        events: list[Transitioned] = []
        for wp_id in packages_in(self.mission, Lane.APPROVED):
            done = MoveIntent(wp_id=wp_id, actor=actor, to=Lane.DONE, note=note)
            commit = commits.approved(wp_id)
            events.extend(moved_events([step], done, self.context, commit=commit))
        return events
