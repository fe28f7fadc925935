"""The use case that merges the target and approved work into the execution lane of a package in progress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from specify_cli import clock, ids
from specify_cli.core import claims
from specify_cli.core.events import Annotated
from specify_cli.core.lanes import FINISHED, Lane
from specify_cli.errors import LaneAllocationFailed, PreflightFailed
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.project import Project
from specify_cli.vcs.commit_intake import IntakeRefused
from specify_cli.vcs.errors import AllocationFailed, MergeConflict
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.lane_bases import StartParts
from specify_cli.vcs.lane_branches import LaneBranches
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import lane_retirement, lost_work, repositories, transitions
from specify_cli.workflow.conflicts import Conflicts
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.lane_creation import LaneCreation
from specify_cli.workflow.liveness import acting
from specify_cli.workflow.mission import OpenMission, Workspace
from specify_cli.workflow.offers import Offer, offered
from specify_cli.workflow.package_commits import PackageCommits
from specify_cli.workflow.request_intents import intent_begun_by, intent_of, recorded_intent

MOST_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateReport:
    """An execution lane that has everything that was requested.

    `merged` is what it did not have before: the target's name, and packages.
    """

    mission: MissionIdentity
    wp_id: str
    workspace: Workspace
    commit: str
    merged: Sequence[str]
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LaneUpdates:
    """Update execution lanes by merges of the host."""

    project: Project

    def update(
        self,
        selector: str,
        wp_id: str,
        *,
        actor: str,
        others: Sequence[str],
        context: RequestContext,
    ) -> UpdateReport:
        """Merge the target, the approved dependencies and `others` into the package's execution lane.

        The workspace is replaced by one at the result. If the merge conflicts, nothing changes: the
        refusal has the commands with which a person merges in the workspace.

        Raises:
            MissionNotFound: there is no such mission.
            WorkPackageNotFound: the mission has no such package.
            WorkPackageAlreadyClaimed, TransitionRejected: the actor does not hold the package.
            PreflightFailed: the package is not in progress, or another one is not approved.
            LaneAllocationFailed: there is a conflict, uncommitted work, or a process in the workspace.
            StorageFailed: the disk or git refused.
        """
        with (
            offered(self.project, selector, wp_id, looks=True) as offer,
            acting(self.project, selector, wp_id, actor=actor, cause=context) as mission,
            repositories.changing(self.project) as repository,
        ):
            package = mission.state_of(wp_id)
            if package.lane is not Lane.IN_PROGRESS:
                text = (
                    f"{wp_id} is {package.lane}: only a package that is in_progress can be updated"
                )
                raise PreflightFailed(text, errors=[text])
            claims.check_holds(package, wp_id, mission=mission.shell_name, actor=actor)
            run = _LaneUpdate(
                mission=mission,
                repository=repository,
                wp_id=wp_id,
                offer=offer,
                owner=transitions.owner_of(mission, context),
                context=context,
            )
            report = run.carry_out(others)
            if report.merged:
                mission.append([_noted(report, actor=actor, context=context)], context)
            return report


def _noted(report: UpdateReport, *, actor: str, context: RequestContext) -> Annotated:
    note = f"merged {', '.join(report.merged)} into {report.workspace.branch}: {report.commit}"
    return Annotated(
        event_id=ids.ulid(),
        at=clock.timestamp(),
        actor=actor,
        wp_id=report.wp_id,
        delta={"note": note},
        policy_metadata=context.policy,
        correlation_id=context.correlation_id,
        identity=context.identity,
        request_digest=context.request_digest,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _LaneUpdate:
    """One update, under the locks of the mission and of the repository."""

    mission: OpenMission
    repository: Repository
    wp_id: str
    offer: Offer
    owner: int | None
    context: RequestContext

    def carry_out(self, others: Sequence[str]) -> UpdateReport:
        """Merge, and replace the workspace.

        Raises:
            PreflightFailed: a package of `others` is not approved.
            LaneAllocationFailed: there is a conflict, uncommitted work, or a process in the workspace.
        """
        self._require_nothing_uncommitted()
        commits = PackageCommits(self.repository, self.mission)
        with self._refusing():
            self.offer.take_in(self.repository)
            approved = self._approved(commits, others)
            branches = self._branches(commits)
        brought = {self._workspace.target_branch: branches.others[self._workspace.target_branch]}
        brought |= approved
        project = self.mission.files.project
        # A call that was killed may have merged, but not recorded it.
        begun = intent_begun_by(project, self.context)
        merged = begun.what["merged"] if begun else self._missing(brought, branches.tip)
        number = self.mission.files.log.number()
        intent = intent_of(self.context, "update", {"merged": merged}, mission=number)
        with recorded_intent(project, self.context, intent), self._refusing():
            start = branches.start(self.repository, StartParts(goes_on=True, merge_in=brought))
            warnings = self._replace(branches, start.tip)
        return UpdateReport(
            mission=self.mission.identity,
            wp_id=self.wp_id,
            workspace=self._workspace,
            commit=start.tip,
            merged=merged,
            warnings=warnings,
        )

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except MergeConflict as error:
            raise self._conflict(error) from error
        except (AllocationFailed, IntakeRefused) as error:
            raise self._refused(error.reason, code=error.code) from error
        except (GitFailed, OSError) as error:
            raise self._refused(str(error), code="unavailable") from error

    @property
    def _workspace(self) -> Workspace:
        return self.mission.workspace(self.wp_id)

    def _branches(self, commits: PackageCommits) -> LaneBranches:
        return LaneBranches.of(
            self.repository,
            lane=self._workspace.branch,
            mission=self._workspace.mission_branch,
            target=self._workspace.target_branch,
            origin=commits.origin(),
        )

    def _replace(self, branches: LaneBranches, tip: str) -> Sequence[str]:
        creation = LaneCreation(
            mission=self.mission,
            repository=self.repository,
            workspace=self._workspace,
            branches=branches,
            offer=self.offer,
            owner=self.owner,
            names_former=True,
        )
        return creation.at(tip, leave=lambda _: None)

    def _missing(self, brought: Mapping[str, str], tip: str | None) -> list[str]:
        return [
            name
            for name, commit in brought.items()
            if tip is None or not self.repository.is_ancestor(commit, tip)
        ]

    def _approved(self, commits: PackageCommits, others: Sequence[str]) -> dict[str, str]:
        """Return the approved commits to merge, by package."""
        wanted = {*others, *lost_work.finished_dependencies(self.mission, self.wp_id)}
        for other in sorted(others):
            self.mission.package(other)
            state = self.mission.state_of(other)
            if state.lane not in FINISHED:
                text = f"{other} is {state.lane}: only approved work can be merged into another package"
                raise PreflightFailed(text, errors=[text])
        ordered = (x for x in self.mission.packages if x in wanted and x != self.wp_id)
        return {x: commit for x in ordered if (commit := commits.approved(x))}

    def _require_nothing_uncommitted(self) -> None:
        if not self.offer.files:
            return
        path = self.mission.workspace(self.wp_id).path
        named = ", ".join(self.offer.files[:MOST_NAMED])
        more = " and more" if len(self.offer.files) > MOST_NAMED else ""
        raise self._refused(
            f"{path} has uncommitted work: commit or discard {named}{more}",
            code="uncommitted_work",
            files=list(self.offer.files),
        )

    def _conflict(self, error: MergeConflict) -> LaneAllocationFailed:
        described = Conflicts(self.repository, self.mission)
        is_package = error.brought in self.mission.packages
        describe = described.with_package if is_package else described.with_branch
        found = describe(self.wp_id, error.brought, error.paths)
        lane_retirement.update_mirror(self.repository, self.mission)
        return self._refused(
            f"{found.sentence}: merge it in the workspace, and resolve the conflict",
            code="conflict",
            files=list(error.paths),
            conflicting=[found.as_data()],
        )

    def _refused(self, reason: str, *, code: str, **details: object) -> LaneAllocationFailed:
        return LaneAllocationFailed(
            f"{self.wp_id} was not updated: {reason}",
            reason=reason,
            reason_code=code,
            lane_id=self.mission.lane_ids[self.wp_id],
            **{"files": [], **details},
        )
