"""Create the workspace of an execution lane, or replace the existing one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from specify_cli.core.lanes import FINISHED
from specify_cli.files.identity import Identity, identity
from specify_cli.storage import workspace_records
from specify_cli.storage.workspace_records import WorkspaceRecord
from specify_cli.vcs import host_refs, lane_branches, linked_worktrees, mirrors, workspaces
from specify_cli.vcs.errors import AllocationFailed, CheckoutBlocked, TargetMoved
from specify_cli.vcs.lane_branches import LaneBranches
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.uncommitted_changes import WorkspaceUnreadable
from specify_cli.vcs.workspace_files import has_checked_out
from specify_cli.vcs.workspaces import MadeWorkspace, Objects, WorkspaceSpec
from specify_cli.vcs.worktrees_folder import opened
from specify_cli.workflow import lane_folders
from specify_cli.workflow.lane_folders import Kind, LaneFolder
from specify_cli.workflow.mission import OpenMission, Workspace
from specify_cli.workflow.offers import Offer
from specify_cli.workflow.package_commits import approved_ref

MIRRORS: Final = ".mirror"
_MOST_FILES: Final = 100
_MOST_NAMED: Final = 10
_CHECK_LIMIT_S: Final = 12.0
"""The limit of a check under the repository's lock. There are two, and others wait a minute for the lock."""
_SPARE_S: Final = 3.0
_SLOWDOWN: Final = 3
"""A check under the lock may take this many times as long as the one before it, plus the spare time.

If it takes longer, somebody has added an entry that git waits for, and all missions would wait.
"""


def mirror_of(mission: OpenMission) -> Path:
    """Return the path of the repository that the workspaces of a mission fetch from."""
    return mission.files.project.worktrees / MIRRORS / f"{mission.slug}.git"


def objects_of(mission: OpenMission) -> Objects:
    """Return how the mission's workspaces and mirror get the objects of the project."""
    shares = mission.files.project.settings.shares_objects
    return Objects.SHARED if shares else Objects.COPIED


def update_mirror(repository: Repository, mission: OpenMission) -> None:
    """Update the mission's mirror from the project, and create it if it does not exist.

    It has the target's and the mission's branch, and each approved commit as `refs/approved/<package>`.

    Raises:
        AllocationFailed: a link or a file is in the place of a folder of the host.
        GitFailed, OSError: git or the disk refused.
    """
    branches = [mission.target_branch, mission.mission_branch]
    with opened(mission.files.project.worktrees):
        mirrors.update(
            repository,
            mirror_of(mission),
            branches,
            objects=objects_of(mission),
            others=_approved_refs(repository, mission),
        )


def _approved_refs(repository: Repository, mission: OpenMission) -> dict[str, str]:
    names = {
        approved_ref(mission, x): x
        for x in mission.packages
        if mission.state_of(x).lane in FINISHED
    }
    kept = host_refs.read_refs(repository, names)
    return {f"refs/approved/{names[name]}": commit for name, commit in kept.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneCreation:
    """The creation of one workspace, under the lock of the repository.

    `offer` is what the existing workspace has; it was read before, without a lock. With `names_former`,
    a warning says where a replaced workspace is kept.
    """

    mission: OpenMission
    repository: Repository
    workspace: Workspace
    branches: LaneBranches
    offer: Offer
    owner: int | None
    names_former: bool = False

    def at(self, tip: str, *, leave: Callable[[str], None]) -> tuple[str, ...]:
        """Move the execution lane's branch and workspace to `tip`, and return warnings.

        `leave` keeps the commits that the branch loses. On failure, nothing is changed.

        Raises:
            AllocationFailed: another entry or uncommitted work is in the way.
            GitFailed, OSError: git or the disk refused.
        """
        project = self.mission.files.project
        found = lane_folders.look(project, self.repository, self.workspace.path)
        if found.kind is Kind.OTHER:
            text = f"{found.path} {found.complaint(project)}"
            code = "not_a_workspace" if found.record else "unavailable"
            raise AllocationFailed(text, code=code)
        is_kept = self._is_kept(found, tip)
        made = None
        if found.kind is Kind.LINKED and not is_kept:
            # First, so that the branch does not move while the old worktree has it checked out.
            made = self._made(found, tip)
            linked_worktrees.forget_replaced(self.repository, self.workspace.path)
        try:
            with lane_branches.lane_pointed(self.repository, self.branches, tip, leave=leave):
                if not is_kept and made is None:
                    made = self._made(found, tip)
        except CheckoutBlocked as error:
            text = f"commit or undo first: {error}"
            raise AllocationFailed(text, code="uncommitted_changes") from None
        except TargetMoved as error:
            raise AllocationFailed(str(error)) from error
        linked_worktrees.forget_replaced(self.repository, self.workspace.path)
        if is_kept and found.kind is Kind.WORKSPACE:
            update_mirror(self.repository, self.mission)
        return tuple(self._warnings(made) if made else self._left_in(found))

    def _is_kept(self, found: LaneFolder, tip: str) -> bool:
        """Whether the existing workspace can be used as it is."""
        if found.kind is Kind.NONE:
            return False
        if (
            found.kind is Kind.WORKSPACE
            and self.offer.tip == tip
            and has_checked_out(found.path, self.workspace.branch)
        ):
            return True
        try:
            self._require_looked_idle(found)
        except AllocationFailed:
            # Work in a linked worktree continues there; it is replaced when all of it is committed.
            out = linked_worktrees.branch_out(self.repository, found.path)
            if (
                found.kind is Kind.LINKED
                and self.branches.tip == tip
                and out == self.workspace.branch
            ):
                return True
            raise
        return False

    def _made(self, found: LaneFolder, tip: str) -> MadeWorkspace:
        objects = objects_of(self.mission)
        order = self._order(tip, objects)
        update_mirror(self.repository, self.mission)

        # The existing workspace has the name until the swap. One of a copied project has no entry.
        former = found.folder if found.kind is Kind.WORKSPACE else None

        def remember(folder: Identity) -> None:
            workspace_records.remember(
                self.mission.files.project,
                self.workspace.path.name,
                WorkspaceRecord(
                    folders=tuple(it for it in (folder, former) if it),
                    worktrees=identity(self.workspace.path.parent) or Identity(device=0, inode=0),
                    commit=tip,
                    is_shared=objects is Objects.SHARED,
                ),
            )

        if found.folder is None:
            return workspaces.make(self.repository, order, remember=remember)
        return workspaces.swap(
            self.repository,
            order,
            old=found.folder,
            require_idle=partial(self._require_still_idle, found),
            remember=remember,
        )

    def _order(self, tip: str, objects: Objects) -> WorkspaceSpec:
        settings = self.mission.files.project.settings
        return WorkspaceSpec(
            path=self.workspace.path,
            branch=self.workspace.branch,
            commit=tip,
            upstream=self.workspace.target_branch,
            branches=self.branches.others,
            mirror=mirror_of(self.mission),
            objects=objects,
            has_hooks=settings.hooks == "copy",
            owner=self.owner if self._gives_away else None,
            filters=None if settings.filters is None else frozenset(settings.filters),
        )

    @property
    def _gives_away(self) -> bool:
        """Whether the host gives a new workspace to another user, and can."""
        return self.owner not in (None, os.geteuid()) and os.geteuid() == 0

    def _left_in(self, found: LaneFolder) -> Iterator[str]:
        """Warn of work that the workspace has before the package starts in it."""
        if self.offer.files:
            named = _named(self.offer.files)
            yield f"{found.path} has uncommitted work from before: {named}"
        if found.kind is Kind.LINKED:
            yield (
                f"{found.path} stays a linked worktree of a former version; a start in its execution lane"
                " replaces it when all work in it is committed and no process runs there"
            )

    def _warnings(self, made: MadeWorkspace) -> Iterator[str]:
        if made.left_out:
            hooks = ", ".join(made.left_out)
            yield f"the workspace does not have these hooks of the project: {hooks}"
        if made.old and self.names_former:
            yield f"the former workspace, with its ignored files, stashes and other branches, is in {made.old}"
        if self.owner not in (None, os.geteuid()) and not self._gives_away:
            yield (
                f"the workspace belongs to uid {os.geteuid()}: only root can give it to uid"
                f" {self.owner}, which the orchestrator's grant names"
            )

    def _require_looked_idle(self, found: LaneFolder) -> None:
        """Require that the workspace had no uncommitted work when it was read."""
        if found.kind is Kind.LINKED:
            linked_worktrees.require_removable(self.repository, found.path)
        if self.offer.unseen:
            raise AllocationFailed(self.offer.unseen, code="uncommitted_work")
        _require_none(self.offer.files)

    def _require_still_idle(self, found: LaneFolder, path: Path) -> None:
        """Require that the workspace, now at `path`, has no uncommitted work."""
        commit = self.offer.tip
        if commit is None:
            text = f"{path} has no commit of the project; move it away, then try again"
            raise AllocationFailed(text, code="not_a_workspace")
        try:
            files = lane_folders.work_in(
                self.repository,
                path,
                commit=commit,
                seconds=min(_CHECK_LIMIT_S, _SPARE_S + _SLOWDOWN * self.offer.look_s),
                filters=self.mission.files.project.settings.filters,
            )
        except WorkspaceUnreadable as error:
            raise AllocationFailed(error.reason, code="uncommitted_work") from error
        _require_none(files)


def _require_none(files: Sequence[str]) -> None:
    if files:
        text = f"the workspace has uncommitted work of another package: commit or discard {_named(files)}"
        raise AllocationFailed(text, code="uncommitted_work", files=files[:_MOST_FILES])


def _named(files: Sequence[str]) -> str:
    return ", ".join(files[:_MOST_NAMED]) + (" and more" if len(files) > _MOST_NAMED else "")
