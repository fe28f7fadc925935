"""Commit what the host wrote for the author of a mission."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from specify_cli.errors import PreflightFailed
from specify_cli.storage import project_files
from specify_cli.vcs import host_commits
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import host_files, repositories
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.mission import OpenMission


def commit_mission(
    mission: OpenMission, files: Sequence[Path], cause: RequestContext, *, message: str
) -> str | None:
    """Commit these files and those of the host; this may be the repository's first commit.

    Returns:
        The commit; None if nothing but the mission's log has changed.

    Raises:
        PreflightFailed: there is no repository, or git could not commit.
        StateUnreadable, StorageFailed: the state of the project cannot be read.
    """

    def make(repository: Repository | None) -> str | None:
        if repository is None:
            raise _not_committed("the project is not in a git repository: run 'git init'")
        return _committed(repository, mission, files, message=message)

    return _carried_out(mission, cause, make)


def commit_change(
    mission: OpenMission,
    files: Sequence[Path],
    cause: RequestContext,
    *,
    message: str,
    removed: Path | None = None,
) -> str | None:
    """Do the same as `commit_mission` for a mission that was committed before; otherwise do nothing.

    Files that do not exist any more are removed. So is `removed`, which may still exist on disk.

    Raises:
        PreflightFailed: git could not commit.
        StateUnreadable, StorageFailed: the state of the project cannot be read.
    """

    def make(repository: Repository | None) -> str | None:
        if repository is None or not host_commits.is_committed(repository, mission.files.meta_path):
            return None
        return _committed(repository, mission, files, message=message, removed=removed)

    return _carried_out(mission, cause, make)


def _carried_out(
    mission: OpenMission, cause: RequestContext, make: Callable[[Repository | None], str | None]
) -> str | None:
    try:
        with repositories.committing(mission.files.project) as repository:
            commit = make(repository)
    except GitFailed as error:
        raise _not_committed(str(error)) from error
    if commit:
        cause.effects.commits.append(commit)
    return commit


def _committed(
    repository: Repository,
    mission: OpenMission,
    files: Sequence[Path],
    *,
    message: str,
    removed: Path | None = None,
) -> str | None:
    root = mission.files.project.root
    meta = project_files.read_if_there(mission.files.meta_path, below=root)
    held = {mission.files.meta_path: meta, **host_files.host_contents(mission)}
    contents = {path: data for path, data in held.items() if data is not None}
    present = [path for path in files if path != removed and path.exists()]
    return host_commits.commit_files(
        repository,
        {**contents, **{path: None for path in files if path not in present}},
        authored=[path for path in present if path not in contents],
        besides=[mission.files.log.path],
        message=message,
    )


def _not_committed(reason: str) -> PreflightFailed:
    problem = f"the mission's files were written, but could not be committed: {reason}"
    return PreflightFailed(problem, errors=[problem])
