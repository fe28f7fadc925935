"""One merge of one mission: compute, check, move once, record."""

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
from specify_cli.vcs.merge import (
    CheckoutBlocked,
    MergeConflict,
    MergePlan,
    NotReplayed,
    ProtectedFiles,
    TargetMoved,
)
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import lane_retirement, merge_intent, merge_preflight, record_trailer
from specify_cli.workflow.accepting import packages_in
from specify_cli.workflow.context import RequestContext, conflict
from specify_cli.workflow.kept_work import HOST_ACTOR
from specify_cli.workflow.merge_intent import MergeIntent
from specify_cli.workflow.merge_push import Push
from specify_cli.workflow.mission import OpenMission, Workspace, reopened
from specify_cli.workflow.offers import NOTHING, Offer
from specify_cli.workflow.package_commits import PackageCommits
from specify_cli.workflow.reports import MergeReport
from specify_cli.workflow.submitted_work import left_out_warnings
from specify_cli.workflow.transition_events import moved_events

REFUSED_MOVE = (TargetMoved, CheckoutBlocked, GitFailed)


def unfinished(plan: MergePlan, error: Exception, *, where: str | None = None) -> Unfinished:
    """The merge is made, in the target or in `where`, and is not recorded."""
    return Unfinished(
        f"{where or plan.target} has the merge {plan.to_commit[:12]}, and what follows failed: {error};"
        " free or repair the disk: the same request completes it"
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
        """The branch that is merged into."""
        return self.options.target or self.mission.target_branch

    def advance(self, pushed: Push | None) -> MergeReport | Push:
        """The merge is made and recorded, or is to be pushed first; `pushed` is at origin now."""
        intent = merge_intent.pending(self.mission.files)
        if intent is not None and self._waits_for(intent, pushed):
            return Push(self.mission.files, self.repository, intent.plan, is_new=False)
        plan = self.begun(intent) if intent is not None else None
        run = replace(self, mission=reopened(self.mission))
        made = plan or run.carry_out()
        return made if isinstance(made, Push) else run.report(made)

    def _waits_for(self, intent: MergeIntent, pushed: Push | None) -> bool:
        """Whether it is still to be found out what origin has of that merge."""
        is_known = pushed is not None and pushed.plan.to_commit == intent.plan.to_commit
        is_open = intent.is_pushed and not intent.is_complete and not is_known
        return is_open and not self._conflicts(intent) and not self._has_moved(intent)

    def _conflicts(self, intent: MergeIntent) -> bool:
        return intent.is_of(self.context) and intent.kept.digest != self.context.request_digest

    def begun(self, intent: MergeIntent) -> MergePlan | None:
        """The plan of this request's own merge that was begun before; None without one."""
        if not intent.is_of(self.context):
            return self.settle(intent)
        with self._completing(intent):
            return self.settle(intent)

    def settle(self, intent: MergeIntent) -> MergePlan | None:
        """A merge that was interrupted is completed where the branch had moved, else undone.

        It is this request's own, and the plan is returned, when the same request asks again.
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
        """The merge is computed and found free of obstacles; made and recorded unless it is pushed."""
        merge_preflight.require_branch(self.repository, self.target)
        lines = event_lines.encode(self._done_events(), mission_slug=self.mission.slug)
        # The record of a move may outlive a power loss that the intent it belongs to does not.
        merge.recover_checkouts(self.repository, self.target)
        plan = self._plan(lines)
        # Whether it is pushed, too: a host that is killed behind a push must know of it afterwards.
        files = self.mission.files
        intent = merge_intent.new_intent(
            files, self.context, plan=plan, lines=lines, is_pushed=self.options.push
        )
        # The intent must not outlive a power loss that the commits it names do not.
        durability.sync_all()
        merge_intent.store(files, intent)
        if intent.is_pushed:
            return Push(files, self.repository, plan, is_new=True)
        with self._completing(intent):
            self._move(intent)
            self._record(intent)
            self._count(intent)
        return plan

    @contextmanager
    def _completing(self, intent: MergeIntent) -> Iterator[None]:
        """After the target has moved, an error of the disk is not a refusal: the merge will be completed."""
        try:
            yield
        except (*REFUSED_MOVE, StorageFailed, PreflightFailed, OSError) as error:
            if not self._has_moved(intent):
                raise
            raise unfinished(intent.plan, error) from error

    def report(self, plan: MergePlan) -> MergeReport:
        """What was done; workspaces that hold nothing uncommitted, and nothing more, are retired."""
        commit = plan.to_commit if plan.to_commit != plan.from_commit else None
        if commit:
            self.context.effects.commits.append(commit)
        left_over = merge_preflight.not_included(self.repository, self.mission)
        kept = {it.lane_id for it in left_over}
        try:
            removed = [self._retires(lane, kept) for lane in self._lanes()]
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

    def _lanes(self) -> list[Workspace]:
        return [self.mission.lane_workspace(it.lane_id) for it in self.mission.lanes]

    def _retires(self, lane: Workspace, kept: Set[str]) -> bool:
        """Whether there is no workspace of the execution lane any more."""
        offer = next((it for it in self.offers if it.workspace == lane), NOTHING)
        if lane.lane_id in kept:
            offer = offer._replace(unseen="it has commits that were not approved")
        return lane_retirement.retire(self.repository, self.mission, lane, offer=offer)

    def _plan(self, lines: bytes) -> MergePlan:
        """The merge as objects. Raises: PreflightFailed naming every obstacle at once."""
        found = list(
            merge_preflight.problems(self.repository, self.mission, self.target, offers=self.offers)
        )
        if self.repository.branch_tip(self.target) is None:
            merge_preflight.refuse(found)
        tips = merge_preflight.tips(self.repository, self.mission)
        scope = merge_preflight.scope(self.repository, self.mission, tips, target=self.target)
        # First, because git itself stumbles over trees that are malformed.
        merge_preflight.refuse_paths(found, scope.refused())
        try:
            plan = merge.compute(
                self.repository,
                target=self.target,
                tips=tips,
                strategy=self.options.strategy,
                message=self._message(f"Merge mission {self.mission.slug}"),
                reserved=ProtectedFiles(
                    host_files=self._host_files(lines), is_kept=scope.leaves_out
                ),
            )
        except MergeConflict as error:
            paths = list(error.paths)
            # Merge commits are left out of a rebase, and with them what they have resolved.
            again = " for strategy merge or squash" if self.options.strategy == "rebase" else ""
            found.append(
                f"the work conflicts in {', '.join(paths)}: in the workspace of its execution lane, its agent"
                f" runs 'git fetch project' and 'git merge {self.target}', resolves and commits; ask again{again}"
            )
            found += self._offers_the_target()
            merge_preflight.refuse(found, conflicts=paths)
            raise
        except NotReplayed as error:
            found.append(f"{error}: ask again with the strategy merge or squash")
            merge_preflight.refuse(found)
            raise
        changes = merge.changes_of(self.repository, plan)
        result = scope.refused_result(changes, before=plan.from_commit, after=plan.to_commit)
        merge_preflight.refuse_paths(found, result)
        merge_preflight.refuse([*found, *merge.obstacles(self.repository, plan)])
        return plan

    def _offers_the_target(self) -> list[str]:
        """An agent that is told to fetch the target gets it, whether a worker runs or not; else why not."""
        try:
            lane_retirement.update_mirror(self.repository, self.mission)
        except (GitFailed, StorageFailed, OSError) as error:
            return [f"what its workspace fetches from could not be updated: {error}"]
        return []

    def _host_files(self, lines: bytes) -> dict[str, bytes]:
        """The host's files as they will be once the merge is recorded, by path in the repository."""
        contents = {
            path: data for path, data in self.mission.host_contents().items() if data is not None
        }
        log = self.mission.files.log.path
        contents[log] = contents.get(log, b"") + lines
        root = self.repository.root
        return {str(path.relative_to(root)): data for path, data in contents.items()}

    def _move(self, intent: MergeIntent) -> None:
        """The target moves; origin, which may refuse, has the merge already where it was pushed."""
        plan = intent.plan
        try:
            merge.apply(self.repository, self._caught_up(intent) if intent.is_pushed else plan)
        except (*REFUSED_MOVE, MergeConflict) as error:
            if self._has_moved(intent):
                raise
            # What brings a checkout back that stands halfway is this intent: it stays until then.
            merge.finish(self.repository, plan)
            if not intent.is_pushed:
                merge_intent.discard(self.mission.files)
                merge_preflight.refuse([f"{plan.target} was not moved: {error}"])
            where = f"{remote_push.REMOTE} has the merge {plan.to_commit[:12]} already"
            way_out = "put that right, or pull, and ask again"
            merge_preflight.refuse([f"{where}, {plan.target} could not follow: {error}; {way_out}"])

    def _caught_up(self, intent: MergeIntent) -> MergePlan:
        """The plan, joined with what the target has got while it was pushed: others went on."""
        plan = intent.plan
        if self.repository.branch_tip(plan.target) in (plan.from_commit, plan.to_commit, None):
            return plan
        return merge.catch_up(
            self.repository,
            plan,
            message=self._message(
                f"Merge mission {self.mission.slug} as {remote_push.REMOTE} has it"
            ),
            host_files=self._host_files(intent.lines),
        )

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
        """The mission's log has the lines, and the intent is complete: both, or none of them."""
        files = self.mission.files
        files.log.append_lines(intent.lines, also=merge_intent.completion_rows(files, intent))

    def _count(self, intent: MergeIntent) -> None:
        """They are effects of this request, and its intent is settled with its answer."""
        if self.context.decision is not None:
            self.context.decision.settles = Intents.dropping(intent.kept)
        counted = self.context.effects.event_ids
        counted.extend(x for x in event_lines.ids_in(intent.lines) if x not in counted)

    def _message(self, subject: str) -> str:
        return record_trailer.with_head(subject, self.mission.files.project)

    def _done_events(self) -> Sequence[Transitioned]:
        step = Transition(from_lane=Lane.APPROVED, to_lane=Lane.DONE)
        actor, note = self.options.actor or HOST_ACTOR, f"merged into {self.target}"
        commits = PackageCommits(self.repository, self.mission)
        events: list[Transitioned] = []
        for wp_id in packages_in(self.mission, Lane.APPROVED):
            done = MoveIntent(wp_id=wp_id, actor=actor, to=Lane.DONE, note=note)
            commit = commits.approved(wp_id)
            events.extend(moved_events([step], done, self.context, commit=commit))
        return events
