"""Merge a mission on a separate branch for a pull request, and close it once that is merged."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from specify_cli.core.lanes import Lane
from specify_cli.core.move_intent import MergeOptions
from specify_cli.errors import StorageFailed, error_details
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.project import Project
from specify_cli.vcs import host_refs, lane_branches, merge, remote_push
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.merge import CheckoutBlocked, MergePlan, TargetMoved
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import merge_intent, merge_preflight, repositories
from specify_cli.workflow.accepting import packages_in
from specify_cli.workflow.commit_intake import all_offered
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.merge_computation import MergeComputation
from specify_cli.workflow.merge_run import MergeRun
from specify_cli.workflow.merged_work import MergedWork, tracking_tip
from specify_cli.workflow.merging import check_strategy
from specify_cli.workflow.mission import OpenMission, branch_of_mission
from specify_cli.workflow.mission_changes import changing_mission
from specify_cli.workflow.offers import Offer
from specify_cli.workflow.reports import MergeReport


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchReport:
    """A branch that has the merge: its commit, and what the target would get.

    `push_problem` says why it was not pushed.
    """

    mission: MissionIdentity
    branch: str
    target: str
    commit: str
    is_new: bool
    packages: tuple[str, ...]
    push_problem: str | None = None


@dataclass(frozen=True, slots=True)
class PullRequests:
    """Merge missions by way of pull requests."""

    project: Project

    def merge_on(
        self, selector: str, branch: str, options: MergeOptions, *, context: RequestContext
    ) -> BranchReport:
        """Merge the mission's work on `branch`, which starts from the target; the target does not move.

        The packages stay approved. A branch that an earlier call made gets what was approved since.

        Raises:
            MissionNotFound: there is no such mission.
            PreflightFailed: something is in the way; every obstacle is named.
            StorageFailed: the disk or git refused.
        """
        check_strategy(options.strategy)
        with (
            all_offered(self.project, selector) as offers,
            self._changing(selector) as (mission, repository),
        ):
            target = options.target or mission.target_branch
            for name in (target, branch):
                merge_preflight.require_branch(repository, name)
            _require_free(repository, mission, branch, target=target)
            plan = _plan(repository, mission, branch, options=options, offers=offers)
            is_new = plan.to_commit != repository.branch_tip(branch)
            if is_new:
                _apply(repository, mission, plan)
                context.effects.commits.append(plan.to_commit)
            report = BranchReport(
                mission=mission.identity,
                branch=branch,
                target=target,
                commit=plan.to_commit,
                is_new=is_new,
                packages=packages_in(mission, Lane.APPROVED),
            )
        return self._pushed(repository, report) if options.push else report

    def mark_merged(
        self, selector: str, *, actor: str, context: RequestContext
    ) -> tuple[MergeReport, tuple[str, ...]]:
        """Mark the approved packages done if the target has their work; remove clean workspaces.

        The local target counts, and its remote-tracking branch as it was last fetched.

        Returns:
            The report, and the packages that were not done before.

        Raises:
            MissionNotFound: there is no such mission.
            PreflightFailed: a package is not finished, or its work is not in the target.
            StorageFailed: the disk or git refused.
        """
        with (
            all_offered(self.project, selector) as offers,
            self._changing(selector) as (mission, repository),
        ):
            target = mission.target_branch
            merge_preflight.refuse(
                list(merge_preflight.problems(repository, mission, target, offers=()))
            )
            where, tip = _place_of_work(repository, mission)
            run = MergeRun(
                repository=repository,
                mission=mission,
                options=MergeOptions(target=where, actor=actor),
                context=context,
                offers=offers,
            )
            events = run.done_events()
            MergedWork(repository, mission).note(target, tip)
            mission.append(events, context)
            report = run.report(MergePlan(target=where, from_commit=tip, to_commit=tip))
            return report, tuple(it.wp_id for it in events)

    @contextmanager
    def _changing(self, selector: str) -> Iterator[tuple[OpenMission, Repository]]:
        try:
            with (
                changing_mission(self.project, selector) as mission,
                repositories.changing(self.project) as repository,
                error_details(target_branch=mission.target_branch),
            ):
                pending = merge_intent.pending(mission.files)
                if pending is not None and not pending.is_complete:
                    name = mission.shell_name
                    text = f"a merge of {mission.slug} is not finished: complete it with 'spec-kitty merge --mission {name}'"
                    merge_preflight.refuse([text])
                yield mission, repository
        except GitFailed as error:
            raise StorageFailed(f"git could not merge: {error}") from error

    def _pushed(self, repository: Repository, report: BranchReport) -> BranchReport:
        """Push the branch, without a lock."""
        try:
            remote_push.push(
                repository,
                commit=report.commit,
                target=report.branch,
                may_be_there=True,
                timeout_s=self.project.settings.push_timeout_s,
            )
        except (remote_push.PushFailed, remote_push.PushUnknown) as error:
            return replace(report, push_problem=error.reason)
        return report


def _pull_ref(mission: OpenMission) -> str:
    return f"pull/{mission.slug}"


def _require_free(
    repository: Repository, mission: OpenMission, branch: str, *, target: str
) -> None:
    """Require that the branch does not exist, or that its commits continue an earlier merge on it."""
    if branch.startswith("-") or branch == "HEAD":
        merge_preflight.refuse(
            [f"git does not take {branch[:200]!r} as a new branch: name another one"]
        )
    if branch == target or branch.startswith(branch_of_mission("")):
        whose = "the target" if branch == target else "a name of branches of the host"
        merge_preflight.refuse([f"{branch} is {whose}: name another branch"])
    tip = repository.branch_tip(branch)
    made = host_refs.read_ref(repository, _pull_ref(mission))
    if tip and not (made and repository.is_ancestor(made, tip)):
        quoted = shlex.quote(branch)
        text = (
            f"there is a branch {branch} that is not from a merge of {mission.slug}: name another branch,"
            f" or remove it with 'git branch -D {quoted}'"
        )
        merge_preflight.refuse([text])


def _plan(
    repository: Repository,
    mission: OpenMission,
    branch: str,
    *,
    options: MergeOptions,
    offers: Sequence[Offer],
) -> MergePlan:
    if repository.branch_tip(branch):
        # After a power loss, the record of a checkout update may be there.
        merge.recover_checkouts(repository, branch)
    start = branch if repository.branch_tip(branch) else options.target or mission.target_branch
    taken = tuple(it.take_in_what_fits(repository) for it in offers)
    computation = MergeComputation(
        repository=repository,
        mission=mission,
        target=start,
        strategy=options.strategy,
        branch=branch,
    )
    if not packages_in(mission, Lane.APPROVED):
        merge_preflight.refuse([f"{mission.slug} has no package that is approved and not merged"])
    return computation.plan(b"", offers=taken)


def _apply(repository: Repository, mission: OpenMission, plan: MergePlan) -> None:
    """Create the branch at the merge, or move it there.

    The note that the branch is from a merge of the mission must never be missing: it comes before a
    new branch, and after a moved one, which continues the commit that was noted.

    Raises:
        PreflightFailed: git or a checkout refused.
    """
    made = {_pull_ref(mission): plan.to_commit}
    try:
        if repository.branch_tip(plan.target) is None:
            host_refs.write_refs(repository, made)
            lane_branches.advance(repository, plan.target, old=None, new=plan.to_commit)
        else:
            merge.apply(repository, plan)
            host_refs.write_refs(repository, made)
    except (TargetMoved, CheckoutBlocked, GitFailed) as error:
        merge_preflight.refuse([f"the branch {plan.target} was not made: {error}"])


def _place_of_work(repository: Repository, mission: OpenMission) -> tuple[str, str]:
    """Return the name and commit of the branch that has the work: the target, or its remote-tracking branch."""
    target = mission.target_branch
    remote, fetched = tracking_tip(repository, target)
    missing: dict[str, list[str]] = {}
    for name, tip in ((target, repository.branch_tip(target)), (remote, fetched)):
        if tip is None:
            continue
        found = MergedWork(repository, mission).missing_from(tip)
        if not found:
            return name, tip
        missing[name] = [f"{it.branch} at {it.commit[:12]}" for it in found]
    texts = [f"{name} does not have the work of {', '.join(it)}" for name, it in missing.items()]
    texts[-1] += (
        ": merge the pull request, then fetch or pull"
        if fetched
        else f": merge it, then bring {target} up to date"
    )
    merge_preflight.refuse(texts)
    raise AssertionError(texts)
