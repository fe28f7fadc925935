"""Makes the workspace of an execution lane, or puts a new one in the place of another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from specify_cli.files.identity import Identity, identity
from specify_cli.storage import workspace_records
from specify_cli.storage.workspace_records import WorkspaceRecord
from specify_cli.vcs import lane_branches, linked_worktrees, mirrors, workspaces
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

MIRRORS: Final = ".mirror"
_MOST_FILES: Final = 100
_TOLD: Final = 10
_LONGEST_S: Final = 12.0
"""Of a look; there are two, and others wait no longer than a minute for the repository."""
_SPARE_S: Final = 3.0
_TIMES_LONGER: Final = 3
"""A look while nobody else can change the repository takes about as long as the one before, or somebody
has put there what git waits for: all missions wait meanwhile."""


def mirror_of(mission: OpenMission) -> Path:
    """The repository that the workspaces of a mission fetch from."""
    return mission.files.project.worktrees / MIRRORS / f"{mission.slug}.git"


def objects_of(mission: OpenMission) -> Objects:
    """Where its workspaces, and what they fetch from, have the objects of the project from."""
    shares = mission.files.project.settings.shares_objects
    return Objects.SHARED if shares else Objects.COPIED


def update_mirror(repository: Repository, mission: OpenMission) -> None:
    """The mirror of the mission is as the project is; it is made where there is none.

    Raises:
        AllocationFailed: a link or a file has the name of a folder of the host's.
        GitFailed, OSError: git or the disk refused.
    """
    branches = [mission.target_branch, mission.mission_branch]
    with opened(mission.files.project.worktrees):
        mirrors.update(repository, mirror_of(mission), branches, objects=objects_of(mission))


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneCreation:
    """The making of one workspace; call it while nobody else changes the repository.

    `offer` is what the workspace has that is there, looked at with no lock held.
    """

    mission: OpenMission
    repository: Repository
    place: Workspace
    branches: LaneBranches
    offer: Offer
    owner: int | None

    def at(self, tip: str, *, leave: Callable[[str], None]) -> tuple[str, ...]:
        """The branch of the execution lane is at `tip`, and so is its workspace; returns warnings.

        `leave` keeps what the branch had. Where it fails, everything is as it was.

        Raises:
            AllocationFailed: something is in the way.
            GitFailed, OSError: git or the disk refused.
        """
        project = self.mission.files.project
        found = lane_folders.look(project, self.repository, self.place.path)
        if found.kind is Kind.OTHER:
            text = f"{found.path} {found.complaint(project)}"
            code = "not_a_workspace" if found.record else "unavailable"
            raise AllocationFailed(text, code=code)
        is_kept = self._is_kept(found, tip)
        made = None
        if found.kind is Kind.LINKED and not is_kept:
            # First, so that no branch moves that a working tree has out which is on its way to the trash.
            made = self._made(found, tip)
            linked_worktrees.forget_replaced(self.repository, self.place.path)
        try:
            with lane_branches.lane_pointed(self.repository, self.branches, tip, leave=leave):
                if not is_kept and made is None:
                    made = self._made(found, tip)
        except CheckoutBlocked as error:
            text = f"commit or undo first: {error}"
            raise AllocationFailed(text, code="uncommitted_changes") from None
        except TargetMoved as error:
            raise AllocationFailed(str(error)) from error
        linked_worktrees.forget_replaced(self.repository, self.place.path)
        if is_kept and found.kind is Kind.WORKSPACE:
            update_mirror(self.repository, self.mission)
        return tuple(self._warnings(made) if made else self._left_in(found))

    def _is_kept(self, found: LaneFolder, tip: str) -> bool:
        """Whether the workspace that is there is the one that is wanted."""
        if found.kind is Kind.NONE:
            return False
        if (
            found.kind is Kind.WORKSPACE
            and self.offer.tip == tip
            and has_checked_out(found.path, self.place.branch)
        ):
            return True
        try:
            self._require_looked_idle(found)
        except AllocationFailed:
            # Whoever works in a linked worktree goes on there; it is replaced once nothing is left in it.
            out = linked_worktrees.branch_out(self.repository, found.path)
            if found.kind is Kind.LINKED and self.branches.tip == tip and out == self.place.branch:
                return True
            raise
        return False

    def _made(self, found: LaneFolder, tip: str) -> MadeWorkspace:
        objects = objects_of(self.mission)
        order = self._order(tip, objects)
        update_mirror(self.repository, self.mission)

        # The one that is there has the name until the swap, and none of a copied project is on record.
        former = found.folder if found.kind is Kind.WORKSPACE else None

        def remember(folder: Identity) -> None:
            workspace_records.remember(
                self.mission.files.project,
                self.place.path.name,
                WorkspaceRecord(
                    folders=tuple(it for it in (folder, former) if it),
                    worktrees=identity(self.place.path.parent) or Identity(device=0, inode=0),
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
            path=self.place.path,
            branch=self.place.branch,
            commit=tip,
            upstream=self.place.target_branch,
            branches=self.branches.others,
            mirror=mirror_of(self.mission),
            objects=objects,
            has_hooks=settings.hooks == "copy",
            owner=self.owner if self._gives_away else None,
            filters=None if settings.filters is None else frozenset(settings.filters),
        )

    @property
    def _gives_away(self) -> bool:
        """Whether a new workspace is to belong to another user than the host, and can."""
        return self.owner not in (None, os.geteuid()) and os.geteuid() == 0

    def _left_in(self, found: LaneFolder) -> Iterator[str]:
        """Warn of what the workspace already holds when a package starts in it."""
        if self.offer.files:
            named = _named(self.offer.files)
            yield f"{found.path} holds work that was not committed before: {named}"
        if found.kind is Kind.LINKED:
            yield (
                f"{found.path} stays a linked worktree of a former version; a start in its execution"
                " lane replaces it once nothing in it is uncommitted and nobody stands there"
            )

    def _warnings(self, made: MadeWorkspace) -> Iterator[str]:
        if made.left_out:
            hooks = ", ".join(made.left_out)
            yield f"hooks of the project that the workspace has not got: {hooks}"
        if self.owner not in (None, os.geteuid()) and not self._gives_away:
            yield (
                f"the workspace belongs to uid {os.geteuid()}: only root can give it to uid"
                f" {self.owner}, which the grant names"
            )

    def _require_looked_idle(self, found: LaneFolder) -> None:
        """Nothing uncommitted was in the workspace when it was looked at.

        Raises:
            AllocationFailed: naming the files.
        """
        if found.kind is Kind.LINKED:
            linked_worktrees.require_removable(self.repository, found.path)
        if self.offer.unseen:
            raise AllocationFailed(self.offer.unseen, code="uncommitted_work")
        _require_none(self.offer.files)

    def _require_still_idle(self, found: LaneFolder, path: Path) -> None:
        """Nothing uncommitted is in the workspace, which is at `path` now.

        Raises:
            AllocationFailed: naming the files.
        """
        commit = self.offer.tip
        if commit is None:
            text = f"{path} has no commit that the project knows; move it away, then try again"
            raise AllocationFailed(text, code="not_a_workspace")
        try:
            files = lane_folders.work_in(
                self.repository,
                path,
                commit=commit,
                seconds=min(_LONGEST_S, _SPARE_S + _TIMES_LONGER * self.offer.look_s),
                filters=self.mission.files.project.settings.filters,
            )
        except WorkspaceUnreadable as error:
            raise AllocationFailed(error.reason, code="uncommitted_work") from error
        _require_none(files)


def _require_none(files: Sequence[str]) -> None:
    if files:
        text = f"it holds uncommitted work of another package: commit or discard {_named(files)}"
        raise AllocationFailed(text, code="uncommitted_work", files=files[:_MOST_FILES])


def _named(files: Sequence[str]) -> str:
    return ", ".join(files[:_TOLD]) + (" and more" if len(files) > _TOLD else "")
