"""Move workspaces that are not needed any more to the trash, and remove them from there later."""

from __future__ import annotations

from datetime import timedelta

from specify_cli import clock
from specify_cli.errors import StorageFailed
from specify_cli.storage import workspace_records
from specify_cli.storage.project import Project
from specify_cli.vcs import linked_worktrees, pin_refs, trash
from specify_cli.vcs.errors import AllocationFailed
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.trash import Pruned, TrashEntry
from specify_cli.vcs.worktrees_folder import TRASH
from specify_cli.workflow import lane_creation, lane_folders
from specify_cli.workflow.bounds import Bounds, Going
from specify_cli.workflow.lane_folders import Kind
from specify_cli.workflow.mission import OpenMission, Workspace
from specify_cli.workflow.offers import Offer


def retire(repository: Repository, mission: OpenMission, lane: Workspace, *, offer: Offer) -> bool:
    """Move the workspace to the trash if all its work is in the project; return whether it is gone now.

    `offer` is what the workspace has.

    Raises:
        GitFailed, StorageFailed, OSError: git or the disk refused; to be tried again.
    """
    project = mission.files.project
    found = lane_folders.look(project, repository, lane.path)
    if found.kind is Kind.NONE:
        _forget(project, repository, lane)
        return True
    if not found.is_usable or offer.tip is None or offer.refusal or offer.unseen or offer.files:
        return False
    try:
        if found.kind is Kind.LINKED:
            linked_worktrees.require_removable(repository, lane.path)
        trash.move_to_trash(lane.path, known=found.folder)
    except AllocationFailed:
        return False
    _forget(project, repository, lane)
    return True


def _forget(project: Project, repository: Repository, lane: Workspace) -> None:
    linked_worktrees.forget_replaced(repository, lane.path)
    workspace_records.forget(project, lane.path.name)


def update_mirror(repository: Repository, mission: OpenMission) -> None:
    """Update the mission's mirror from the project, if it has one.

    Raises:
        StorageFailed: a link or a file is in the place of a folder of the host.
        GitFailed, OSError: git or the disk refused.
    """
    if not lane_creation.mirror_of(mission).exists():
        return
    try:
        lane_creation.update_mirror(repository, mission)
    except AllocationFailed as error:
        raise StorageFailed(str(error)) from error


def going(project: Project) -> list[Going[TrashEntry]]:
    """Return the workspaces in the trash that go by `trash_days`, `trash_max_count` and `trash_max_bytes`.

    Raises:
        OSError: the trash cannot be read.
    """
    settings = project.settings
    bounds = Bounds(
        name="trash",
        days=settings.trash_days,
        max_count=settings.trash_max_count,
        max_bytes=settings.trash_max_bytes,
    )
    found = trash.entries(project.worktrees / TRASH)
    items = [(it, it.since.timestamp(), trash.bytes_of(it.path)) for it in found]
    return [*bounds.going(items, now=clock.now().timestamp())]


def prune(repository: Repository, project: Project, *, most: int) -> Pruned:
    """Remove workspaces that go from the trash by its settings, under the lock of the repository.

    One call removes at most `most` files and folders; the next one continues.

    Raises:
        AllocationFailed: the trash is a link or a file.
        GitFailed, OSError: git or the disk refused.
    """
    settings = project.settings
    before = clock.now() - timedelta(days=settings.trash_days)
    is_bounded = (settings.trash_max_count, settings.trash_max_bytes) != (None, None)
    also = {it.item.path.name for it in going(project)} if is_bounded else set()
    pruned = trash.prune(project.worktrees, before=before, also=also, most=most)
    if pruned.names or pruned.is_complete:
        pin_refs.prune(repository.git, project.worktrees)
    return pruned
