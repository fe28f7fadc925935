"""Push a commit to a branch of the remote, and ask the remote for the outcome."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from specify_cli.vcs.checkouts import HEADS
from specify_cli.vcs.git import HOOKS_OFF, OVERRIDES, Git, GitFailed, GitResult
from specify_cli.vcs.repository import Repository

REMOTE: Final = "origin"

_NO_REPORT: Final = b"[remote failure]"
"""How git marks a ref whose update the remote did not report."""


class PushFailed(Exception):
    """The remote does not have the commit, and this push cannot bring it there any more."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PushUnknown(Exception):
    """The remote may have the commit or may still take it; ask again later."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remote:
    """The remote's branch of that name, at every URL that a push goes to."""

    git: Git
    branch: str
    urls: Sequence[str]

    @classmethod
    def of(cls, repo: Repository, branch: str) -> _Remote:
        git = Git(folder=repo.root, overrides=HOOKS_OFF + OVERRIDES, keeps=False)
        fetched, pushed = (
            git.run("remote", "get-url", *flags, "--all", "--", REMOTE).lines
            for flags in ((), ("--push",))
        )
        # By name where the URLs are equal, so that the other settings of the remote apply.
        return cls(git=git, branch=branch, urls=[REMOTE] if fetched == pushed else pushed)

    def tips(self) -> list[str | None]:
        """Return the commits that the branch is at; None where there is no such branch.

        Raises:
            GitFailed: the remote does not answer.
        """
        return [self._tip(url) for url in self.urls]

    def _tip(self, url: str) -> str | None:
        ref = HEADS + self.branch
        lines = self.git.run("ls-remote", "--", url, ref).lines
        # The pattern matches the end of other names, too.
        return next(
            (oid for oid, _, name in (it.partition("\t") for it in lines) if name == ref), None
        )

    def holds(self, commit: str, tips: Sequence[str | None]) -> bool:
        """Return whether the branch, at `tips`, contains `commit` at every URL.

        Raises:
            GitFailed: fetching the branch failed.
        """
        return all(
            self._reaches(url, tip, commit) for url, tip in zip(self.urls, tips, strict=True)
        )

    def may_take(self, commit: str, tips: Sequence[str | None]) -> bool:
        """Return whether a push of `commit` still under way may succeed at a branch at `tips`.

        The remote accepts it if the branch still has the value that the push started from.

        Raises:
            GitFailed: git did not end in time.
        """
        args = ("merge-base", "--is-ancestor")
        return any(
            tip is None or self.git.run(*args, tip, commit, check=False).returncode == 0
            for tip in tips
        )

    def _reaches(self, url: str, tip: str | None, commit: str) -> bool:
        if tip is None or tip == commit:
            return tip is not None
        if self.git.run("cat-file", "-e", f"{tip}^{{commit}}", check=False).returncode:
            flags = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
            self.git.run("fetch", *flags, "--refmap=", "--", url, HEADS + self.branch)
        return Repository(root=self.git.folder).is_ancestor(commit, tip)


def push(
    repo: Repository,
    *,
    commit: str,
    target: str,
    timeout_s: float,
    may_be_there: bool = False,
) -> None:
    """Push `commit` to the remote's branch `target`, unless it contains the commit already.

    The user's own hooks run: large-file storage uploads its objects from one. Set `may_be_there`
    where an earlier push of that commit had no known outcome.

    Raises:
        PushFailed: there is no such remote, it cannot be reached, or it refused.
        PushUnknown: out of time, or the connection was lost; or an earlier push of `commit` may
            arrive there yet, although this one was refused.
    """
    order = f"{commit}:{HEADS}{target}"
    try:
        remote = _Remote.of(repo, target)
        before = remote.tips()
        if may_be_there and remote.holds(commit, before):
            return
    except GitFailed as error:
        kind = PushUnknown if may_be_there else PushFailed
        raise kind(f"{REMOTE} does not answer: {error.stderr}") from error
    done = _pushed(repo, order, timeout_s=timeout_s)
    if done.returncode == 0:
        return
    reason = _reason(done)
    try:
        after = remote.tips()
        if remote.holds(commit, after):
            return
        may_arrive = remote.may_take(commit, after)
    except GitFailed as error:
        raise PushUnknown(f"{reason}; {REMOTE} does not answer: {error.stderr}") from error
    # A refusal of this push says nothing about an earlier one.
    if may_arrive and (may_be_there or not _is_refused(done)):
        raise PushUnknown(reason)
    raise PushFailed(reason)


def _pushed(repo: Repository, order: str, *, timeout_s: float) -> GitResult:
    # Without the host's locks: git may start a credential cache that outlives it.
    git = Git(folder=repo.root, overrides=OVERRIDES, keeps=False)
    try:
        return git.run("push", "--porcelain", "--", REMOTE, order, check=False, timeout_s=timeout_s)
    except GitFailed as error:
        return GitResult(returncode=error.returncode, stdout=b"", stderr=error.stderr)


def _is_refused(done: GitResult) -> bool:
    """Return whether git says that the remote will not take it, or that nothing was sent.

    Source: `transport_push` and `print_one_push_status` of git's transport.c: a hook of the sender
    ends it with status 1 before anything was sent; whatever is lost on the way is status 128, or
    has a line that says so.
    """
    return done.returncode == 1 and _NO_REPORT not in done.stdout


def _reason(done: GitResult) -> str:
    marked = [line[1:].strip() for line in done.stdout.split(b"\n") if line.startswith(b"!")]
    marked_lines = [os.fsdecode(line.replace(b"\t", b" ")) for line in marked]
    return (
        "; ".join([*marked_lines, done.stderr]).strip("; ")
        or f"git push ended with {done.returncode}"
    )
