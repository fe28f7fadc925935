"""Conflicts between the work of packages, or with a branch, and the git commands that resolve them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from specify_cli.core.dependencies import in_order
from specify_cli.core.merge_paths import shown
from specify_cli.vcs.merge import LaneConflict, LaneTip
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import lane_folders
from specify_cli.workflow.lane_folders import Kind
from specify_cli.workflow.mission import OpenMission
from specify_cli.workflow.package_commits import PackageCommits


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A conflict of the work of one package with that of another, or with a branch.

    Attributes:
        wp_id: The package in whose execution lane the conflict is resolved.
        lane_id, lane_branch: That execution lane.
        with_wp_id, with_lane_id: The other package and its execution lane; None for a branch.
        with_branch: The branch of the other execution lane, or the branch.
        paths: The paths in conflict, in printable form.
        merge_commands: The shell commands that merge the other side in the package's workspace. They
            leave the conflict there.
        commit_command: The shell command that commits the files after the conflict is resolved.
    """

    wp_id: str
    lane_id: str
    lane_branch: str
    with_wp_id: str | None
    with_lane_id: str | None
    with_branch: str
    paths: tuple[str, ...]
    merge_commands: tuple[str, ...]
    commit_command: str

    @property
    def sentence(self) -> str:
        """The description for messages."""
        other = (
            f"{self.with_wp_id} (execution lane {self.with_lane_id})"
            if self.with_wp_id
            else f"the branch {self.with_branch}"
        )
        mine = f"{self.wp_id} (execution lane {self.lane_id})"
        return f"{mine} conflicts with {other} in {', '.join(self.paths)}"

    def as_data(self) -> dict[str, Any]:
        """Return the form that a refusal has; fields without a value are left out."""
        lists = {"paths": list(self.paths), "merge_commands": list(self.merge_commands)}
        return {name: it for name, it in asdict(self).items() if it is not None} | lists


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Describe the conflicts of one mission."""

    repository: Repository
    mission: OpenMission

    def with_branch(self, wp_id: str, branch: str, paths: Sequence[str]) -> Conflict:
        """Describe a conflict of the package's work with a branch of the project."""
        root = self.mission.files.project.root
        source = "project" if branch == self.mission.target_branch else shlex.quote(str(root))
        tip = self.repository.branch_tip(branch) or branch
        return self._described(
            wp_id,
            paths,
            branch=branch,
            commands=self._commands(wp_id, tip, f"{source} {shlex.quote(f'refs/heads/{branch}')}"),
        )

    def with_package(self, wp_id: str, other: str, paths: Sequence[str]) -> Conflict:
        """Describe a conflict of the package's work with the approved work of another one."""
        tip = PackageCommits(self.repository, self.mission).approved(other) or ""
        return self._described(
            wp_id,
            paths,
            other=other,
            branch=self.mission.workspace(other).branch,
            commands=self._commands(wp_id, tip, f"project refs/approved/{other}"),
        )

    def of_merge(self, found: Sequence[LaneConflict], target: str) -> Iterator[Conflict]:
        """Describe the conflicts of a merge into `target`."""
        for it in found:
            wp_id = self._package_at(it.tip)
            if it.other is None:
                yield self.with_branch(wp_id, target, it.paths)
            else:
                yield self.with_package(wp_id, self._package_at(it.other), it.paths)

    def _commands(self, wp_id: str, commit: str, source: str) -> tuple[str, ...]:
        """Return the commands that merge a commit, which `source` has, in the package's workspace."""
        at = f"git -C {shlex.quote(str(self.mission.workspace(wp_id).path))}"
        if self._is_linked(wp_id):
            return (f"{at} merge --no-edit {commit}",)
        return f"{at} fetch {source}", f"{at} merge --no-edit FETCH_HEAD"

    def _is_linked(self, wp_id: str) -> bool:
        path = self.mission.workspace(wp_id).path
        found = lane_folders.look(self.mission.files.project, self.repository, path)
        return found.kind is Kind.LINKED

    def _package_at(self, tip: LaneTip) -> str:
        """Return the last package of the execution lane that was approved with that commit."""
        commits, mission = PackageCommits(self.repository, self.mission), self.mission
        mates = (x for x in in_order(mission.graph) if mission.lane_ids[x] == tip.lane_id)
        return [x for x in mates if commits.approved(x) == tip.commit][-1]

    def _described(
        self,
        wp_id: str,
        paths: Sequence[str],
        *,
        branch: str,
        commands: tuple[str, ...],
        other: str | None = None,
    ) -> Conflict:
        workspace = self.mission.workspace(wp_id)
        return Conflict(
            wp_id=wp_id,
            lane_id=workspace.lane_id,
            lane_branch=workspace.branch,
            with_wp_id=other,
            with_lane_id=self.mission.lane_ids[other] if other else None,
            with_branch=branch,
            paths=tuple(map(shown, paths)),
            merge_commands=commands,
            commit_command=f"git -C {shlex.quote(str(workspace.path))} commit -a --no-edit",
        )
