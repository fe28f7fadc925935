"""Faults in the repository, in a mission's branches and in the workspaces of its execution lanes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Set
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from specify_cli import clock
from specify_cli.core.lanes import OCCUPYING, Lane
from specify_cli.errors import StorageFailed
from specify_cli.storage.project import Project
from specify_cli.vcs import linked_worktrees
from specify_cli.vcs.checkouts import Checkout, registered
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.intake_request import listed_paths
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.workspace_files import has_checked_out, irregular_files
from specify_cli.workflow import commit_intake, lane_folders, repositories
from specify_cli.workflow.doctor_elsewhere import switch_to
from specify_cli.workflow.doctor_findings import Finding, Severity, error, fixable, warning
from specify_cli.workflow.doctor_lane_branches import EarlierEvents, missing_branch
from specify_cli.workflow.doctor_workspaces import examine_folder
from specify_cli.workflow.lane_folders import Kind, LaneFolder
from specify_cli.workflow.mission import OpenMission, Workspace

STALE_LOCK_S = 5 * 60
UNDER_WAY = frozenset(
    {Lane.CLAIMED, Lane.IN_PROGRESS, Lane.FOR_REVIEW, Lane.IN_REVIEW, Lane.APPROVED}
)
MOST_NAMED = 5
TIMEOUT_S = 10.0
SUBMITTED = frozenset({Lane.FOR_REVIEW, Lane.IN_REVIEW, Lane.APPROVED, Lane.DONE})
REMAKE = "start the package again: the host creates its workspace again"


def examine_repository(project: Project) -> Iterator[Finding]:
    """Report a missing repository or first commit, stale locks and registered worktrees that are gone."""
    try:
        repository = Repository.find(project.root)
        has_commits = repository is not None and repository.has_commits()
    except GitFailed as refusal:
        yield error("no-git", project.root, str(refusal), repair="do what this message of git says")
        return
    if repository is None:
        what = "the project is not in a git repository"
        yield error("no-git", project.root, what, repair="run 'git init' and make a first commit")
        return
    if not has_commits:
        yield _no_commit(project, repository)
    for checkout in registered(repository.git):
        yield from _stale_lock(checkout)
        if is_gone(project, checkout):
            what = "git has a worktree registered here, but the folder does not exist"
            yield fixable("gone-worktree", checkout.path, what)


def _no_commit(project: Project, repository: Repository) -> Finding:
    listed = repository.git.run("for-each-ref", "--format=%(refname:strip=2)", "refs/heads").lines
    branches = [it for it in listed if not it.startswith("kitty/")]
    if not branches:
        what = "the repository has no commit"
        return error("no-commit", project.root, what, repair="make a first commit")
    usual = repository.default_target()
    branch = usual if usual in branches else branches[0]
    what = "the branch that is checked out has no commit, so no work can start on it"
    repair = f"{switch_to(branch)} checks out a branch that has one"
    return warning("no-commit", project.root, what, repair=repair)


def is_gone(project: Project, checkout: Checkout) -> bool:
    """Whether it is an execution lane's worktree, not locked, whose folder does not exist."""
    is_ours = checkout.path.parent == project.worktrees and not checkout.lock_reason
    return is_ours and not checkout.path.exists()


def forget_gone(project: Project, path: Path) -> bool:
    """Remove the registration of the worktree at `path`, and return whether it was removed; its branch stays.

    Raises:
        PreflightFailed: there is no usable repository.
        StorageFailed: the disk refused.
    """
    with repositories.changing(project) as repository:
        known = [it for it in registered(repository.git) if it.path == path]
        gone = any(is_gone(project, it) for it in known)
        if gone:
            linked_worktrees.forget_replaced(repository, path)
        return gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Branches:
    """The repository and the names of its branches, read once for all missions."""

    repository: Repository
    names: frozenset[str]


def branches_of(project: Project) -> Branches | None:
    """Return the branches of the project; None without a repository that has a commit."""
    try:
        repository = repositories.look(project)
        if repository is None or not repository.has_commits():
            return None
        names = repository.git.text("for-each-ref", "--format=%(refname:strip=2)", "refs/heads")
    except (GitFailed, StorageFailed):  # `examine_repository` reports a damaged repository.
        return None
    return Branches(repository=repository, names=frozenset(names.splitlines()))


def examine_branches(mission: OpenMission, branches: Branches | None) -> Iterator[Finding]:
    """Report a target branch that does not exist, and faults in the workspaces of execution lanes."""
    if branches is None:
        return
    lanes = {wp_id: mission.state_of(wp_id).lane for wp_id in mission.packages}
    is_over = bool(lanes) and set(lanes.values()) <= {Lane.DONE, Lane.CANCELED}
    if not is_over and mission.target_branch not in branches.names:
        what = f"the target branch {mission.target_branch!r} does not exist"
        repair = "create it, or name another branch as target_branch"
        yield error("target-branch", mission.files.folder / "meta.json", what, repair=repair)
    events = EarlierEvents(mission)
    for lane in mission.lanes:
        states = {lanes[wp_id] for wp_id in lane.wp_ids if wp_id in lanes}
        workspace = mission.lane_workspace(lane.lane_id)
        if UNDER_WAY & states and workspace.branch not in branches.names:
            yield missing_branch(events, workspace, wp_ids=lane.wp_ids, names=branches.names)
        elif OCCUPYING & states and not workspace.path.exists():
            yield _missing_workspace(workspace, states)
        if os.path.lexists(workspace.path):
            yield from _examine_workspace(mission, branches.repository, workspace, states=states)


def _missing_workspace(workspace: Workspace, states: Set[Lane]) -> Finding:
    what = f"work in {workspace.lane_id} has begun, but its workspace does not exist"
    repair = (
        f"a review does not need it: the submitted work is in {workspace.branch} of the project; if changes"
        " are requested, the next start creates the workspace again"
    )
    is_at_work = bool({Lane.CLAIMED, Lane.IN_PROGRESS} & states)
    return warning("no-worktree", workspace.path, what, repair=REMAKE if is_at_work else repair)


def _examine_workspace(
    mission: OpenMission, repository: Repository, workspace: Workspace, *, states: Set[Lane]
) -> Iterator[Finding]:
    path = workspace.path
    folder = lane_folders.look(mission.files.project, repository, path)
    yield from examine_folder(mission.files.project, folder)
    if not folder.is_usable:
        if folder.can_be_reconnected(mission.files.project):
            what = "the project was moved or copied, and its linked worktree here is not connected to it"
            yield fixable("moved-worktree", path, what, severity=Severity.ERROR)
            return
        what = f"the folder {folder.complaint(mission.files.project)}"
        yield error("not-a-workspace", path, what, repair=REMAKE)
    elif damaged := _irregular_files(mission, repository, folder):
        what = f"the workspace's repository has irregular files: {damaged}"
        repair = f"restore it, or move the folder away; then {REMAKE}"
        yield error("damaged-workspace", path, what, repair=repair)
    elif not _is_on_its_branch(repository, folder, workspace.branch):
        what = f"the workspace is not on its branch {workspace.branch}"
        # Only the agent runs git there: its repository may run programs.
        command = f"cd {shlex.quote(str(path))} && git switch {shlex.quote(workspace.branch)}"
        repair = f"the agent that works there commits its changes, then runs: {command}"
        yield error("wrong-branch", path, what, repair=repair)
    elif states and states <= SUBMITTED and (work := _work(mission, repository, workspace)):
        what = f"all packages of {workspace.lane_id} are submitted, but the workspace has uncommitted work: {work}"
        yield warning("dirty-worktree", path, what, repair="commit the work or undo it")


def _is_on_its_branch(repository: Repository, folder: LaneFolder, branch: str) -> bool:
    if folder.kind is Kind.LINKED:
        return linked_worktrees.branch_out(repository, folder.path) == branch
    return has_checked_out(folder.path, branch)


def _work(mission: OpenMission, repository: Repository, workspace: Workspace) -> str | None:
    """Describe what is uncommitted in the workspace; one that cannot be read counts as uncommitted."""
    with ExitStack() as until_the_end:
        offer = commit_intake.of_lane(mission, repository, workspace, until_the_end=until_the_end)
        offer = commit_intake.looked(mission.files.project, offer)
        more = ", and more" if len(offer.files) > MOST_NAMED else ""
        return offer.unseen or ", ".join(offer.files[:MOST_NAMED]) + more


def _irregular_files(
    mission: OpenMission, repository: Repository, folder: LaneFolder
) -> str | None:
    """Describe the irregular files of a workspace's repository."""
    if folder.kind is Kind.LINKED:
        return None
    shared = folder.borrows_from(mission.files.project, repository)
    try:
        found = irregular_files(folder.path, is_shared=bool(shared), seconds=TIMEOUT_S)
    except TimeoutError as late:
        return str(late)
    return listed_paths(found) if found else None


def _stale_lock(checkout: Checkout) -> Iterator[Finding]:
    lock = checkout.index_lock
    try:
        age_s = clock.now().timestamp() - lock.stat().st_mtime if lock else 0
    except FileNotFoundError:  # Its holder has just finished.
        return
    if lock and age_s > STALE_LOCK_S:
        what = f"git's lock on the index is {int(age_s // 60)} minutes old"
        repair = "remove it when no git process runs there"
        yield warning("stale-lock", lock, what, repair=repair)
