"""Compute the commits of a merge; no branch moves here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from specify_cli.core.merge_paths import shown
from specify_cli.errors import StorageFailed
from specify_cli.vcs import merge, remote_push
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.merge import (
    LaneConflict,
    LaneTip,
    MergeConflict,
    MergePlan,
    NotReplayed,
    ProtectedFiles,
)
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import host_files, lane_retirement, merge_preflight, record_trailer
from specify_cli.workflow.conflicts import Conflicts
from specify_cli.workflow.merge_scope import Scope
from specify_cli.workflow.mission import OpenMission
from specify_cli.workflow.offers import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeComputation:
    """The merge of a mission into `target`, as git objects.

    With `branch`, it is to move that branch instead, which has or starts from the target's commit.
    """

    repository: Repository
    mission: OpenMission
    target: str
    strategy: str
    branch: str | None = None

    def plan(self, lines: bytes, *, offers: Sequence[Offer]) -> MergePlan:
        """Compute the merge; its commits include the log with `lines` appended.

        Raises:
            PreflightFailed: something is in the way; every obstacle is named.
        """
        found = list(
            merge_preflight.problems(self.repository, self.mission, self.target, offers=offers)
        )
        if self.repository.branch_tip(self.target) is None:
            merge_preflight.refuse(found)
        tips = merge_preflight.tips(self.repository, self.mission)
        scope = merge_preflight.scope(self.repository, self.mission, tips, target=self.target)
        # Malformed trees come first, because git fails on them.
        merge_preflight.refuse_paths(found, scope.refused())
        plan = self._computed(lines, tips, scope, found=found)
        plan = replace(plan, target=self.branch or plan.target)
        changes = merge.changes_of(self.repository, plan)
        result = scope.refused_result(changes, before=plan.from_commit, after=plan.to_commit)
        merge_preflight.refuse_paths(found, result)
        merge_preflight.refuse([*found, *merge.obstacles(self.repository, plan)])
        return plan

    def _computed(
        self, lines: bytes, tips: Sequence[LaneTip], scope: Scope, *, found: Sequence[str]
    ) -> MergePlan:
        reserved = ProtectedFiles(host_files=self._host_files(lines), is_kept=scope.leaves_out)
        try:
            return merge.compute(
                self.repository,
                target=self.target,
                tips=tips,
                strategy=self.strategy,
                message=self._message(f"Merge mission {self.mission.slug}"),
                reserved=reserved,
            )
        except MergeConflict as error:
            sides = merge.conflicts(
                self.repository, target=self.target, tips=tips, reserved=reserved
            )
            self._refuse_conflicts(sides, error.paths, found=found)
            raise
        except NotReplayed as error:
            text = f"{error}: try again with the strategy merge or squash"
            merge_preflight.refuse([*found, text])
            raise

    def _refuse_conflicts(
        self, sides: Sequence[LaneConflict], paths: Sequence[str], *, found: Sequence[str]
    ) -> None:
        """Refuse the merge, naming the packages and execution lanes that conflict."""
        named = list(Conflicts(self.repository, self.mission).of_merge(sides, self.target))
        if not named:
            text = (
                f"a rebase of the work conflicts in {', '.join(map(shown, paths))}: try again with the"
                " strategy merge or squash"
            )
            merge_preflight.refuse([*found, text], conflicts=list(paths))
        # A rebase drops merge commits, and with them the resolution of a conflict.
        again = " with the strategy merge or squash" if self.strategy == "rebase" else ""
        remedy = (
            "move the first-named package back to in_progress, merge the other side in its workspace,"
            f" resolve the conflict, and submit it again; then try again{again}"
        )
        *first, last = (it.sentence for it in named)
        merge_preflight.refuse(
            [*found, *first, f"{last}: {remedy}", *self._update_mirror()],
            conflicts=list(dict.fromkeys(path for it in sides for path in it.paths)),
            conflicting=[it.as_data() for it in named],
        )

    def _update_mirror(self) -> list[str]:
        """Make the target available to 'git fetch project' without a worker; return why it failed."""
        try:
            lane_retirement.update_mirror(self.repository, self.mission)
        except (GitFailed, StorageFailed, OSError) as error:
            return [f"the repository that its workspace fetches from could not be updated: {error}"]
        return []

    def catch_up(self, plan: MergePlan, lines: bytes) -> MergePlan:
        """Merge a pushed plan with commits that the target got since."""
        return merge.catch_up(
            self.repository,
            plan,
            message=self._message(
                f"Merge mission {self.mission.slug} as {remote_push.REMOTE} has it"
            ),
            host_files=self._host_files(lines),
        )

    def _host_files(self, lines: bytes) -> dict[str, bytes]:
        """Return the host's files as they are once the merge is recorded, by path in the repository."""
        contents = {
            path: data
            for path, data in host_files.host_contents(self.mission).items()
            if data is not None
        }
        log = self.mission.files.log.path
        contents[log] = contents.get(log, b"") + lines
        root = self.repository.root
        return {str(path.relative_to(root)): data for path, data in contents.items()}

    def _message(self, subject: str) -> str:
        return record_trailer.with_head(subject, self.mission.files.project)
