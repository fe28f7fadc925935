"""Read the commits of workspaces without any lock; use cases then take in the offer under a lock."""

from __future__ import annotations

import errno
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from specify_cli.core.lanes import AT_WORK
from specify_cli.core.merge_paths import HOST_FOLDERS
from specify_cli.core.move_intent import MoveIntent
from specify_cli.errors import SpecKittyError, StorageFailed
from specify_cli.storage.project import Project
from specify_cli.vcs import commit_intake
from specify_cli.vcs.commit_intake import FetchedCommits, IntakeLimits, IntakeRefused, IntakeSource
from specify_cli.vcs.git import GitFailed, within
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.sandbox import sandbox_for
from specify_cli.vcs.uncommitted_changes import WorkspaceUnreadable
from specify_cli.vcs.workspace_files import reported_tip
from specify_cli.workflow import lane_folders, repositories
from specify_cli.workflow.lane_folders import Kind, LaneFolder
from specify_cli.workflow.merge_scope import PathsRefused, Scope, folder_in
from specify_cli.workflow.mission import OpenMission, Workspace
from specify_cli.workflow.offers import NOTHING, Offer, seen
from specify_cli.workflow.package_commits import PackageCommits

_HOST_ERRORS: Final = frozenset(
    {errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)
"""Errors of the host's disk or process, which no file of an agent causes."""

_OTHERS_S: Final = 10.0
"""The limit for an approval to read the workspaces of other packages; a merge reads them again."""


@contextmanager
def all_offered(project: Project, slug: str) -> Iterator[list[Offer]]:
    """Read the commits and uncommitted work of all workspaces of the mission, as `offers.offered` does."""
    with ExitStack() as until_the_end:
        found = _found(project, slug)
        if found is None:
            yield []
            return
        mission, repository = found
        lanes = [mission.lane_workspace(it.lane_id) for it in mission.lanes]
        offers = (of_lane(mission, repository, lane, until_the_end=until_the_end) for lane in lanes)
        yield [looked(project, offer) for offer in offers]


def of_others(
    project: Project, slug: str, intent: MoveIntent, *, until_the_end: ExitStack
) -> list[Offer]:
    """Read the workspaces of the other packages; the offers are valid until the stack is closed."""
    found = _found(project, slug)
    if found is None or intent.wp_id not in found[0].packages:
        return []
    mission, repository = found
    at_work = (x for x in mission.packages if mission.state_of(x).lane in AT_WORK)
    lane_ids = sorted({mission.lane_ids[x] for x in at_work} - {mission.lane_ids[intent.wp_id]})
    deadline = time.monotonic() + _OTHERS_S
    return [
        of_lane(
            mission,
            repository,
            mission.lane_workspace(lane_id),
            until_the_end=until_the_end,
            # A workspace that takes too long leaves the others their share.
            seconds=max(deadline - time.monotonic(), 0) / left,
        )
        for left, lane_id in zip(range(len(lane_ids), 0, -1), lane_ids, strict=True)
    ]


def of_package(mission: OpenMission, wp_id: str, *, until_the_end: ExitStack) -> Offer:
    """Read the workspace of the package; the offer is valid until the stack is closed."""
    repository = _repository(mission.files.project)
    if repository is None:
        return NOTHING
    workspace = mission.workspace(wp_id)
    return of_lane(mission, repository, workspace, until_the_end=until_the_end)


def _found(project: Project, slug: str) -> tuple[OpenMission, Repository] | None:
    """Return the mission and its repository; None if one is missing or damaged, which the use case reports."""
    mission = seen(project, slug)
    repository = _repository(project) if mission else None
    return (mission, repository) if mission and repository else None


def _repository(project: Project) -> Repository | None:
    with suppress(SpecKittyError):
        return repositories.look(project)
    return None


def of_lane(
    mission: OpenMission,
    repository: Repository,
    workspace: Workspace,
    *,
    until_the_end: ExitStack,
    seconds: float | None = None,
) -> Offer:
    """Read the workspace; the offer is valid until the stack is closed.

    Reading takes at most `seconds`, and at most the time limit of git commands.
    """
    project = mission.files.project
    try:
        folder = lane_folders.look(project, repository, workspace.path)
        if not folder.is_usable:
            return NOTHING
        known = repository.lane_tips([workspace.branch]).get(workspace.branch)
        if folder.kind is Kind.LINKED:
            return Offer(workspace=workspace, tip=known)
        if known and reported_tip(workspace.path, workspace.branch) == known:
            return Offer(workspace=workspace, tip=known)
        fetched = until_the_end.enter_context(
            _fetched(mission, repository, workspace, folder=folder, seconds=seconds)
        )
    except IntakeRefused as refusal:
        return Offer(workspace=workspace, refusal=refusal)
    except (GitFailed, OSError, StorageFailed) as error:
        _require_no_disk_error(error, workspace)
        unreadable = IntakeRefused(f"the workspace cannot be read: {error}", code="unreadable")
        return Offer(workspace=workspace, refusal=unreadable)
    return Offer(workspace=workspace, tip=fetched.tip, fetched=fetched)


def _require_no_disk_error(error: Exception, workspace: Workspace) -> None:
    """Require that the workspace caused the error, so that a refusal is right.

    Raises:
        StorageFailed: the host caused it, and the same request may succeed later.
    """
    if isinstance(error, OSError) and error.errno in _HOST_ERRORS:
        raise StorageFailed(f"could not read {workspace.path}: {error}") from error


def looked(project: Project, offer: Offer) -> Offer:
    """Add the uncommitted work in the workspace to the offer; call it without a lock."""
    if offer.workspace is None or offer.tip is None:
        return offer
    begun = time.monotonic()
    try:
        with repositories.looking(project) as repository:
            if repository is None:
                return offer
            files = lane_folders.work_in(
                repository,
                offer.workspace.path,
                commit=offer.tip,
                seconds=project.settings.git_timeout_s,
                filters=project.settings.filters,
                objects=[offer.fetched.objects] if offer.fetched else [],
            )
    except (WorkspaceUnreadable, OSError, StorageFailed) as error:
        _require_no_disk_error(error, offer.workspace)
        return offer._replace(unseen=str(error))
    return offer._replace(files=files, look_s=time.monotonic() - begun)


@contextmanager
def _fetched(
    mission: OpenMission,
    repository: Repository,
    workspace: Workspace,
    *,
    folder: LaneFolder,
    seconds: float | None,
) -> Iterator[FetchedCommits]:
    project = mission.files.project
    settings = project.settings
    if settings.intake == "require-sandbox" and not sandbox_for(workspace.path).is_isolated:
        text = (
            'bubblewrap does not work here, and intake = "require-sandbox" in .kitty/config.toml'
            " requires it: install it, or see 'spec-kitty doctor'"
        )
        raise IntakeRefused(text, code="no_sandbox")
    source = IntakeSource(
        workspace=workspace.path,
        branch=workspace.branch,
        base=_base(PackageCommits(repository, mission), workspace.lane_id, folder),
        shared=tuple(folder.borrows_from(project, repository)),
        public=repository.branch_tip(mission.target_branch),
    )
    bounds = IntakeLimits(
        bytes=settings.intake_max_bytes,
        files=settings.intake_max_files,
        seconds=min(settings.git_timeout_s, seconds or math.inf),
    )
    with commit_intake.fetched_commits(repository, source, bounds=bounds) as found:
        with within(bounds.seconds):
            _require_allowed_paths(mission, found, folder_in(repository, project.root))
        yield found


def _require_allowed_paths(mission: OpenMission, found: FetchedCommits, folder: str) -> None:
    """Require that the commits change no path that only the host may write, or that a merge must not change.

    This is checked before the project's branch moves: a checkout of that branch would overwrite the host's
    files.

    Raises:
        PathsRefused: the commits change such a path.
        IntakeRefused: a commit changes the host's folders, and a later one reverts that.
        GitFailed: git cannot read the commits.
    """
    source = found.source
    scope = Scope(
        git=found.scratch.git,
        slug=mission.slug,
        project=folder,
        tips=[found.tip],
        onto=source.public or source.base,
    )
    refused = scope.refused()
    if refused.total:
        raise PathsRefused(
            refused, guard="paths", onto=scope.onto, workspace=source.workspace, base=source.base
        )
    ends = [f"^{it}" for it in (source.base, source.public) if it]
    names = sorted(HOST_FOLDERS)
    pathspecs = [f":(top,icase,glob)**/{it}{below}" for it in names for below in ("", "/**")]
    args = ("--full-history", "--max-count=1", found.tip, *ends, "--", *pathspecs)
    reverted = scope.git.run("rev-list", *args, env={"GIT_LITERAL_PATHSPECS": "0"}).lines
    if reverted:
        raise IntakeRefused(
            f"the commit {reverted[0]} changes {' or '.join(names)}, and a later one reverts that: a checkout"
            " of the first would overwrite files of the host; the agent combines the commits, in"
            f" {source.workspace}: git reset --soft {source.base} && git commit",
            code="bad_content",
        )


def _base(commits: PackageCommits, lane_id: str, folder: LaneFolder) -> str:
    """Return the commit from which all commits of the workspace must descend."""
    mission, repository = commits.mission, commits.repository
    last = mission.last_at_work(lane_id)
    begun = mission.state_of(last).base_ref if last else None
    made = folder.record.commit if folder.record else None
    found = next((it for it in (begun, made) if it and repository.has_commit(it)), None)
    base = found or commits.origin() or repository.branch_tip(mission.target_branch)
    if base is None:
        text = f"the branch {mission.target_branch} does not exist"
        raise IntakeRefused(text, code="unreadable")
    return base
