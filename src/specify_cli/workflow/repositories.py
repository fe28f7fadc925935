"""Open the git repository of a project for reading or for a change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from specify_cli import request_facts
from specify_cli.errors import PreflightFailed, StateUnreadable, StorageFailed
from specify_cli.files import durability, locks
from specify_cli.files.atomic import translated
from specify_cli.storage.project import Project
from specify_cli.vcs import scratch_repository, stale_locks
from specify_cli.vcs.git import GitFailed, inheriting, set_time_limit
from specify_cli.vcs.repository import Repository

NO_REPOSITORY = "the project is not a git repository: run 'git init' and make a first commit"
NO_COMMIT = "the repository does not have a commit: make a first commit"


def look(project: Project) -> Repository | None:
    """Return the repository for reading; None if there is none.

    Raises:
        StorageFailed: git refuses to work in it, so that it may be damaged.
    """
    _limit_git(project)
    try:
        return _found(project)
    except GitFailed as error:
        raise StorageFailed(f"git does not work in {project.root}: {error}") from error


@contextmanager
def looking(project: Project) -> Iterator[Repository | None]:
    """Return the repository for reading, and turn errors of git in the block into `StorageFailed`.

    Raises:
        StorageFailed: the disk or git refused.
    """
    repository = look(project)
    try:
        yield repository
    except GitFailed as error:
        raise StorageFailed(f"git cannot read {project.root}: {error}") from error


def _limit_git(project: Project) -> None:
    # A damaged config is reported where its settings matter; git keeps its default time limit.
    with suppress(StateUnreadable):
        set_time_limit(project.settings.git_timeout_s)


@contextmanager
def changing(project: Project) -> Iterator[Repository]:
    """Lock the repository for a change; sync the disk when the block ends.

    The lock of a mission is not enough: missions share branches, checkouts and the index.

    Raises:
        PreflightFailed: there is no repository with a commit, or git refuses to work in it.
        StorageFailed: the disk refused.
    """
    _limit_git(project)
    with _locked(project):
        try:
            repository = _found(project)
            problem = "" if repository is None or repository.has_commits() else NO_COMMIT
        except GitFailed as error:
            repository, problem = None, str(error)
        if repository is None or problem:
            problem = problem or NO_REPOSITORY
            raise PreflightFailed(problem, errors=[problem])
        with suppress(OSError, GitFailed):  # A leftover costs only disk space.
            scratch_repository.remove_abandoned(repository)
        with stale_locks.without_stale_locks(repository.root):
            scratch_repository.remove_abandoned(repository)
            yield repository
            durability.sync_all()


@contextmanager
def committing(project: Project) -> Iterator[Repository | None]:
    """Lock the repository, which may be without a commit, for a commit; None if there is none.

    Raises:
        GitFailed: git refuses to work in it.
        StorageFailed: the disk refused.
    """
    _limit_git(project)
    with _locked(project):
        repository = _found(project)
        if repository is None:
            yield None
            return
        with stale_locks.without_stale_locks(repository.root):
            yield repository


def _found(project: Project) -> Repository | None:
    return request_facts.once(project.root, lambda: Repository.find(project.root))


@contextmanager
def _locked(project: Project) -> Iterator[None]:
    with (
        locks.held(project.lock("repository")) as descriptor,
        inheriting(descriptor),
        translated(project.root, "change"),
    ):
        yield
