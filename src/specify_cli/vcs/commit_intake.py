"""Take the commits of a branch from an agent's workspace into the project.

Every byte of the workspace may be hostile and may change meanwhile. It is read by upload-pack,
git's boundary for untrusted repositories. What upload-pack sends goes to a scratch repository
first; nothing reaches the project before all of it was checked.

Source: `workspaces.md`, "taking commits in", is the design; git-upload-pack(1), SECURITY.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli.core.merge_paths import shown
from specify_cli.files import durability
from specify_cli.vcs import lane_branches, lfs
from specify_cli.vcs.commit_checks import check_commits
from specify_cli.vcs.errors import CheckoutBlocked, LimitExceeded, TargetMoved
from specify_cli.vcs.git import Git, GitFailed, time_limit, within
from specify_cli.vcs.intake_request import (
    MOST_NAMED,
    BranchRelation,
    IntakeLimits,
    IntakeRefused,
    IntakeSource,
    git_message,
    listed_paths,
    missing_branch,
)
from specify_cli.vcs.repository import Repository, is_ancestor
from specify_cli.vcs.sandbox import Sandbox, sandbox_for
from specify_cli.vcs.scratch_repository import ScratchRepository, scratch_repository
from specify_cli.vcs.workspace_fetch import TIP, fetch, require_its_own
from specify_cli.vcs.workspace_files import irregular_files

__all__ = [
    "BranchRelation",
    "FetchedCommits",
    "IntakeLimits",
    "IntakeRefused",
    "IntakeSource",
    "fetched_commits",
]

_KNOWN: Final = "refs/spec-kitty/known"
_BASE: Final = "refs/spec-kitty/base"

_NAMING_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedCommits:
    """Commits that passed all checks and are not in the project yet; `tip` is the last.

    `is_sandboxed` where the git that read the workspace could see nothing else. `storage` is where
    their git-lfs objects go; None where they bring none.
    """

    tip: str
    is_sandboxed: bool
    source: IntakeSource
    scratch: ScratchRepository
    storage: lfs.Storage | None = None

    @property
    def objects(self) -> Path:
        """The folder with the objects that the project may not have yet."""
        return self.scratch.folder / "objects"

    def standing(self, repo: Repository) -> BranchRelation:
        """Compare the commits with the project's branch of that name.

        Raises:
            GitFailed: that branch is a symbolic ref or damaged.
        """
        old = repo.lane_tips([self.source.branch]).get(self.source.branch)
        if old == self.tip:
            return BranchRelation.SAME
        if old is None or is_ancestor(self.scratch.git, old, self.tip):
            return BranchRelation.AHEAD
        if old in lane_branches.host_positions(repo, self.source.branch) and not self._drops_moved(
            repo, old
        ):
            return BranchRelation.REWRITTEN
        is_behind = repo.has_commit(self.tip) and repo.is_ancestor(self.tip, old)
        return BranchRelation.BEHIND if is_behind else BranchRelation.DIVERGED

    def _drops_moved(self, repo: Repository, old: str) -> bool:
        """Return whether the commits lack one that somebody else gave the branch, which is at `old`."""
        theirs = lane_branches.foreign_position(repo, self.source.branch)
        is_theirs = theirs is not None and repo.is_ancestor(theirs, old)
        return is_theirs and not is_ancestor(self.scratch.git, theirs or "", self.tip)

    def keep(self) -> None:
        """Move the objects into the project, without a ref; the caller holds the project's lock.

        Raises:
            OSError: the disk refused.
        """
        if self.storage is not None:
            lfs.move_staged(self.scratch, self.storage)
        self.scratch.move_objects()
        # After a power loss no ref may point at commits that were lost.
        durability.sync_all()

    def move_in(self, repo: Repository) -> None:
        """Point the project's branch at the commits; the caller holds the project's lock.

        Raises:
            IntakeRefused: somebody else gave that branch commits which these have not in their
                history, or it is checked out where uncommitted changes are in the way.
            GitFailed: that branch is a symbolic ref or damaged, moved meanwhile, or git refused.
            OSError: the disk refused.
        """
        branch = self.source.branch
        old = repo.lane_tips([branch]).get(branch)
        standing = self.standing(repo)
        if standing is BranchRelation.SAME:
            return
        if old is not None and standing in (BranchRelation.BEHIND, BranchRelation.DIVERGED):
            raise self.diverged(repo, old)
        self.keep()
        try:
            lane_branches.advance_as_host(repo, branch, old=old, new=self.tip)
        except CheckoutBlocked as error:
            raise IntakeRefused(
                f"commit or undo first: {error}", code="uncommitted_changes"
            ) from error
        except TargetMoved as error:
            raise GitFailed(("update-ref",), returncode=-1, stderr=str(error)) from error

    def diverged(self, repo: Repository, old: str) -> IntakeRefused:
        """Return the refusal of commits that do not descend from `old`, the tip in the project."""
        at, branch = shlex.quote(str(self.source.workspace)), self.source.branch
        fetch = f"git fetch {shlex.quote(str(repo.root))} {shlex.quote(branch)}"
        text = (
            f"{branch} is at {old} in the project and at {self.tip} in the workspace, whose history lacks"
            f" that commit; to merge it, its agent runs in {at}: {fetch} && git merge {old}"
        )
        common = self.scratch.git.run("merge-base", old, self.tip, check=False).lines
        if common:
            text += (
                f"; or to drop that commit, run in the project: git branch -f {branch} {common[0]}"
            )
        return IntakeRefused(text, code="diverged")


@contextmanager
def fetched_commits(
    repo: Repository, source: IntakeSource, *, bounds: IntakeLimits
) -> Iterator[FetchedCommits]:
    """Fetch and check the commits of the branch in a repository of the host, kept during the block.

    Needs no lock: the project is not written before `move_in`.

    Raises:
        IntakeRefused: they must not come in, or cannot be read.
        GitFailed: git does not work in the project.
        OSError: the disk refused.
    """
    known = repo.lane_tips([source.branch]).get(source.branch)
    with ExitStack() as until_the_end:
        with _judged_in_time(source, bounds.seconds):
            try:
                found = until_the_end.enter_context(
                    _judged(repo, source, known=known, bounds=bounds)
                )
            except GitFailed:
                if time_limit() <= 0:
                    raise
                # Try once more: the agent may just have been writing, or the disk failed once. The
                # message of git does not tell, since an agent may have written it.
                found = until_the_end.enter_context(
                    _judged(repo, source, known=known, bounds=bounds)
                )
        yield found


@contextmanager
def _judged(
    repo: Repository, source: IntakeSource, *, known: str | None, bounds: IntakeLimits
) -> Iterator[FetchedCommits]:
    """Fetch and check once; GitFailed also where the workspace is unreadable."""
    refs = {_BASE: source.base} | ({_KNOWN: known} if known else {})
    with scratch_repository(repo, like=source.base, refs=refs, file_bytes=bounds.bytes) as made:
        sandbox = _sandbox(source)
        try:
            fetch(made, source, sandbox)
            tip = _tip(made.git, source)
            brought = check_commits(made.git, source, tip, known=known, bounds=bounds)
            require_its_own(repo, made, brought, source=source, sandbox=sandbox)
            storage = lfs.stage(brought, made, repo=repo, source=source, tip=tip, bounds=bounds)
            made.loosen()
        except GitFailed:
            made.require_disk()
            raise
        yield FetchedCommits(
            tip=tip, is_sandboxed=sandbox.is_isolated, source=source, scratch=made, storage=storage
        )


@contextmanager
def _judged_in_time(source: IntakeSource, seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    try:
        with within(seconds):
            yield
    except GitFailed as error:
        if time.monotonic() >= deadline:
            raise _timed_out(source, seconds) from error
        raise IntakeRefused(
            f"git cannot read it: {git_message(error)}", code="unreadable"
        ) from error
    except TimeoutError as error:
        raise IntakeRefused(str(error), code="timed_out") from error
    except LimitExceeded as error:
        paths = [shown(error.path)] if error.path else []
        where = f": {paths[0]!r}" if paths else ""
        text = f"the commits exceed a limit: {error.measure}{where}"
        raise IntakeRefused(text, code="too_much", paths=paths) from error


def _timed_out(source: IntakeSource, seconds: float) -> IntakeRefused:
    """Return the refusal for lack of time, naming the files that git waits for, if there are any."""
    text = f"reading the workspace took longer than {seconds:g} s (git_timeout_s in .kitty/config.toml)"
    with suppress(TimeoutError):
        found = irregular_files(source.workspace, is_shared=bool(source.shared), seconds=_NAMING_S)
        text += f"; not regular files of the workspace: {listed_paths(found)}" if found else ""
    return IntakeRefused(text, code="timed_out")


def _sandbox(source: IntakeSource) -> Sandbox:
    """Check the shape of the workspace and return the sandbox to read it in.

    The shape may change before git reads it; the sandbox and the deadline contain that.

    Raises:
        IntakeRefused: a file is not of the type that git expects.
    """
    faults = irregular_files(source.workspace, is_shared=bool(source.shared), seconds=time_limit())
    if faults:
        text = f"not regular files of the workspace: {listed_paths(faults)}; restore the files"
        paths = [shown(str(it)) for it in faults[:MOST_NAMED]]
        raise IntakeRefused(text, code="unreadable", paths=paths)
    return sandbox_for(source.workspace)


def _tip(git: Git, source: IntakeSource) -> str:
    """Return the fetched commit; where a `shallow` file was planted, git succeeds without fetching one."""
    answer = git.run("cat-file", "--batch-check", input=f"{TIP}\n".encode()).lines[0]
    tip, kind, *_ = answer.split(" ")
    if kind == "missing":
        raise missing_branch(source)
    if kind != "commit":
        raise IntakeRefused(f"{source.branch} names a {kind}, not a commit", code="no_branch")
    return tip
