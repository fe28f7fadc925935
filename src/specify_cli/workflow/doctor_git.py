"""Faults in the repository, in the branches of a mission and in the worktrees of its lanes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
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
from specify_cli.workflow.doctor_findings import Finding, error, fixable, warning
from specify_cli.workflow.doctor_lane_branches import missing_branch
from specify_cli.workflow.doctor_workspaces import examine_folder
from specify_cli.workflow.lane_folders import Kind, LaneFolder
from specify_cli.workflow.mission import OpenMission, Workspace

STALE_LOCK_S = 5 * 60
UNDER_WAY = frozenset(
    {Lane.CLAIMED, Lane.IN_PROGRESS, Lane.FOR_REVIEW, Lane.IN_REVIEW, Lane.APPROVED}
)
MOST_NAMED = 5
LOOK_S = 10.0
HANDED_OVER = frozenset({Lane.FOR_REVIEW, Lane.IN_REVIEW, Lane.APPROVED, Lane.DONE})
REMAKE = "ask to implement the package again: the host makes its workspace anew"


def examine_repository(project: Project) -> Iterator[Finding]:
    """No repository, no commit, stale locks, registrations of worktrees that are gone."""
    try:
        repository = Repository.find(project.root)
        has_commits = repository is not None and repository.has_commits()
    except GitFailed as refusal:
        yield error("no-git", project.root, str(refusal), repair="do what git says")
        return
    if repository is None:
        what = "the project is in no git repository"
        yield error("no-git", project.root, what, repair="run 'git init' and make a first commit")
        return
    if not has_commits:
        yield _no_commit(project, repository)
    for checkout in registered(repository.git):
        yield from _stale_lock(checkout)
        if is_gone(project, checkout):
            what = "git knows of a worktree here, and the folder is gone"
            yield fixable("gone-worktree", checkout.path, what)


def _no_commit(project: Project, repository: Repository) -> Finding:
    listed = repository.git.run("for-each-ref", "--format=%(refname:strip=2)", "refs/heads").lines
    branches = [it for it in listed if not it.startswith("kitty/")]
    if not branches:
        what = "the repository has no commit"
        return error("no-commit", project.root, what, repair="make a first commit")
    usual = repository.default_target()
    branch = usual if usual in branches else branches[0]
    what = "the branch that is checked out has no commit, so that nothing can be started on it"
    repair = f"{switch_to(branch)} goes back to one that has"
    return warning("no-commit", project.root, what, repair=repair)


def is_gone(project: Project, checkout: Checkout) -> bool:
    """Whether it is a lane's worktree, not locked, whose folder is no more."""
    is_ours = checkout.path.parent == project.worktrees and not checkout.lock_reason
    return is_ours and not checkout.path.exists()


def forget_gone(project: Project, path: Path) -> bool:
    """Whether git has forgotten the worktree at `path`; its branch stays as it is.

    Raises: PreflightFailed, StorageFailed.
    """
    with repositories.changing(project) as repository:
        known = [it for it in registered(repository.git) if it.path == path]
        gone = any(is_gone(project, it) for it in known)
        if gone:
            linked_worktrees.forget_replaced(repository, path)
        return gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Branches:
    """The repository and the names of its branches, asked for once for all missions."""

    repository: Repository
    names: frozenset[str]


def branches_of(project: Project) -> Branches | None:
    """The branches of the project; None where there is no repository with a commit."""
    try:
        repository = repositories.look(project)
        if repository is None or not repository.has_commits():
            return None
        names = repository.git.text("for-each-ref", "--format=%(refname:strip=2)", "refs/heads")
    except (GitFailed, StorageFailed):  # What is damaged is a finding about the repository.
        return None
    return Branches(repository=repository, names=frozenset(names.splitlines()))


def examine_branches(mission: OpenMission, branches: Branches | None) -> Iterator[Finding]:
    """A target branch that is not there, and every lane's workspace that is not as it should be."""
    if branches is None:
        return
    lanes = {wp_id: mission.state_of(wp_id).lane for wp_id in mission.packages}
    is_over = bool(lanes) and set(lanes.values()) <= {Lane.DONE, Lane.CANCELED}
    if not is_over and mission.target_branch not in branches.names:
        what = f"the target branch {mission.target_branch!r} does not exist"
        repair = "make it, or name another as target_branch"
        yield error("target-branch", mission.files.folder / "meta.json", what, repair=repair)
    for lane in mission.lanes:
        stands = [lanes[wp_id] for wp_id in lane.wp_ids if wp_id in lanes]
        place = mission.lane_workspace(lane.lane_id)
        yield from _examine_lane(mission, branches, place, stands=stands)


def _examine_lane(
    mission: OpenMission, branches: Branches, place: Workspace, *, stands: Sequence[Lane]
) -> Iterator[Finding]:
    if UNDER_WAY & set(stands) and place.branch not in branches.names:
        yield missing_branch(mission, place, branches.names)
    elif OCCUPYING & set(stands) and not place.path.exists():
        what = f"work in {place.lane_id} has begun, and its workspace is not there"
        repair = (
            f"a review needs none: what was handed in is in {place.branch} of the project; where changes"
            " are requested, the next start makes the workspace anew"
        )
        is_at_work = bool({Lane.CLAIMED, Lane.IN_PROGRESS} & set(stands))
        yield warning("no-worktree", place.path, what, repair=REMAKE if is_at_work else repair)
    if os.path.lexists(place.path):
        yield from _examine_workspace(mission, branches.repository, place, stands=stands)


def _examine_workspace(
    mission: OpenMission, repository: Repository, place: Workspace, *, stands: Sequence[Lane]
) -> Iterator[Finding]:
    folder = lane_folders.look(mission.files.project, repository, place.path)
    yield from examine_folder(mission.files.project, folder)
    if not folder.is_usable:
        what = f"it {folder.complaint(mission.files.project)}"
        yield error("not-a-workspace", place.path, what, repair=REMAKE)
    elif damaged := _odd_files(mission, repository, folder):
        what = f"it is not a repository of its own: {damaged}"
        repair = f"restore it, or move the folder away; then {REMAKE}"
        yield error("damaged-workspace", place.path, what, repair=repair)
    elif not _is_on_its_branch(repository, folder, place.branch):
        what = f"it is not on its branch {place.branch}"
        at = shlex.quote(str(place.path))
        repair = f"whoever works there saves it, then runs, in {at}: git switch {place.branch}"
        yield error("wrong-branch", place.path, what, repair=repair)
    elif stands and set(stands) <= HANDED_OVER and (work := _work(mission, repository, place)):
        what = f"it holds uncommitted work, and all packages of {place.lane_id} are handed over: {work}"
        yield warning("dirty-worktree", place.path, what, repair="commit the work or undo it")


def _is_on_its_branch(repository: Repository, folder: LaneFolder, branch: str) -> bool:
    if folder.kind is Kind.LINKED:
        return linked_worktrees.branch_out(repository, folder.path) == branch
    return has_checked_out(folder.path, branch)


def _work(mission: OpenMission, repository: Repository, place: Workspace) -> str | None:
    """What is uncommitted in the workspace, in words; nobody can say that an unseen one holds nothing."""
    with ExitStack() as until_the_end:
        offer = commit_intake.of_lane(mission, repository, place, until_the_end=until_the_end)
        offer = commit_intake.looked(mission.files.project, offer)
        more = ", and more" if len(offer.files) > MOST_NAMED else ""
        return offer.unseen or ", ".join(offer.files[:MOST_NAMED]) + more


def _odd_files(mission: OpenMission, repository: Repository, folder: LaneFolder) -> str | None:
    """What is not as it has to be in a workspace's repository, in words."""
    if folder.kind is Kind.LINKED:
        return None
    shared = folder.borrows_from(mission.files.project, repository)
    try:
        found = irregular_files(folder.path, is_shared=bool(shared), seconds=LOOK_S)
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
        yield warning("stale-lock", lock, what, repair="remove it once no git is running there")
