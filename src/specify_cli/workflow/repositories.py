"""The git repository of a project, as the use cases need it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from specify_cli.errors import PreflightFailed, StateUnreadable, StorageFailed
from specify_cli.files import durability, locks
from specify_cli.files.atomic import translated
from specify_cli.storage.project import Project
from specify_cli.vcs import scratch_repository, stale_locks
from specify_cli.vcs.git import GitFailed, inheriting, set_time_limit
from specify_cli.vcs.repository import Repository

NO_REPOSITORY = "the project is no git repository: run 'git init' and make a first commit"
NO_COMMIT = "the repository has no commit: make a first one"


def look(project: Project) -> Repository | None:
    """The repository, for looking; None where there is none.

    Raises: StorageFailed where git refuses to work in it: damage is not emptiness.
    """
    _limit_git(project)
    try:
        return Repository.find(project.root)
    except GitFailed as error:
        raise StorageFailed(f"git does not work in {project.root}: {error}") from error


@contextmanager
def looking(project: Project) -> Iterator[Repository | None]:
    """As `look`, and where git fails while the block runs, that is the disk's fault.

    Raises: StorageFailed.
    """
    repository = look(project)
    try:
        yield repository
    except GitFailed as error:
        raise StorageFailed(f"git could not look at {project.root}: {error}") from error


def _limit_git(project: Project) -> None:
    # Whoever needs what a damaged config grants is told; git has its usual time.
    with suppress(StateUnreadable):
        set_time_limit(project.settings.git_timeout_s)


@contextmanager
def changing(project: Project) -> Iterator[Repository]:
    """The repository, which no other process of the host changes while the block runs.

    What was changed is on the disk when the block ends.

    Missions have locks of their own, but share branches, checkouts and the index.
    Raises: PreflightFailed where there is none with a commit, or git refuses; StorageFailed.
    """
    _limit_git(project)
    with _alone(project):
        try:
            repository = Repository.find(project.root)
            problem = _problem(repository)
        except GitFailed as error:
            repository, problem = None, str(error)
        if repository is None or problem:
            raise PreflightFailed(problem, errors=[problem])
        with suppress(OSError, GitFailed):  # What stays of it costs room alone.
            scratch_repository.remove_abandoned(repository)
        with stale_locks.without_stale_locks(repository.root):
            scratch_repository.remove_abandoned(repository)
            yield repository
            durability.sync_all()


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    with (
        locks.held(project.lock("repository")) as descriptor,
        inheriting(descriptor),
        translated(project.root, "change"),
    ):
        yield


def _problem(repository: Repository | None) -> str:
    if repository is None:
        return NO_REPOSITORY
    return "" if repository.has_commits() else NO_COMMIT
