"""Read facts about one repository: its main checkout, branches and history."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from specify_cli import request_facts
from specify_cli.vcs.checkouts import HEADS
from specify_cli.vcs.git import Git, GitFailed

DEFAULT_TARGET: Final = "main"

_REF_FORMAT: Final = "%(refname) %(objectname) %(objecttype) %(symref) %(committerdate:unix)"

_PATHS: Final = ("--show-toplevel", "--absolute-git-dir", "--git-common-dir")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """The commit of a branch; `made_at` is its committer date, None where that is not a valid date."""

    commit: str
    made_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Ref:
    """A ref as git lists it; `symref` is the ref that a symbolic one names."""

    oid: str = ""
    kind: str = ""
    symref: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A git repository, seen from its main checkout."""

    root: Path

    @classmethod
    def find(cls, folder: Path) -> Repository | None:
        """Find the repository that contains `folder`; its main checkout even from a linked worktree.

        Raises:
            GitFailed: git does not work in it (foreign owner, damage, a bare repository).
        """
        git = Git(folder=folder)
        try:
            top, git_dir, common = _paths(git)
        except GitFailed:
            if any(_looks_like_one(parent) for parent in (folder, *folder.absolute().parents)):
                raise
            return None
        return cls(root=top if git_dir == common else _main_checkout(common))

    @property
    def git(self) -> Git:
        """Git in the main checkout."""
        return Git(folder=self.root)

    def has_commits(self) -> bool:
        """Return whether HEAD of the main checkout points at a commit."""
        return self.head() is not None

    def head(self) -> str | None:
        """Return the commit that the main checkout is at; None on an unborn branch.

        Raises:
            GitFailed: HEAD, its branch or its commit is damaged.
        """
        found = _commit(self.git, "HEAD")
        if found is None:
            branch = self.current_branch()
            if branch is None:
                raise GitFailed(
                    ("rev-parse", "HEAD"), returncode=-1, stderr="HEAD does not name a commit"
                )
            _refuse_damage(self.git, HEADS + branch)
        return found

    def branch_tip(self, branch: str) -> str | None:
        """Return the commit of local `branch`; None where there is no such branch.

        Raises:
            GitFailed: the branch, or its commit, is damaged.
        """
        found = _commit(self.git, HEADS + branch)
        if found is None:
            _refuse_damage(self.git, HEADS + branch)
        return found

    def lane_tips(self, branches: Iterable[str]) -> dict[str, str]:
        """Return the commits of those of the host's branches that exist, by name.

        Raises:
            GitFailed: one is a symbolic ref, does not name a commit, or is damaged: the host did
                not make it.
        """
        return {branch: tip.commit for branch, tip in self.dated_tips(branches).items()}

    def dated_tips(self, branches: Iterable[str]) -> dict[str, Tip]:
        """Return the tips as `lane_tips` does, with the date of each commit.

        Raises:
            GitFailed: as `lane_tips`.
        """
        refs = {branch: HEADS + branch for branch in branches}
        listed = _listed(self.git, list(refs.values()))
        found = {x: _own_tip(self.git, ref, listed.get(ref)) for x, ref in refs.items()}
        return {branch: tip for branch, tip in found.items() if tip}

    def is_plain_branch(self, name: str) -> bool:
        """Return whether `name` can be a branch: not an expression, not a symbolic ref."""
        if "\0" in name or self.git.run("check-ref-format", HEADS + name, check=False).returncode:
            return False
        return bool(self.git.run("symbolic-ref", "-q", HEADS + name, check=False).returncode)

    def current_branch(self) -> str | None:
        """Return the branch checked out in the main checkout, born or not; None where detached."""
        found = self.git.run("symbolic-ref", "--quiet", "HEAD", check=False)
        return os.fsdecode(found.stdout).strip().removeprefix(HEADS) or None

    def default_target(self) -> str:
        """Return the default target of a mission: the current branch, else `main`."""
        return self.current_branch() or DEFAULT_TARGET

    def is_ancestor(self, a: str, b: str) -> bool:
        """Return whether commit `a` is `b` or in its history.

        Raises:
            GitFailed: one of them is not a commit.
        """
        return is_ancestor(self.git, a, b)

    def has_commit(self, oid: str) -> bool:
        """Return whether there is a commit of that full name."""
        found = request_facts.once((self.root, oid), lambda: _commit(self.git, oid))
        return found is not None

    def commits_beyond(
        self,
        tip: str,
        known: Iterable[str],
        *,
        most: int | None = None,
        merges: bool = True,
        is_first_parent: bool = False,
    ) -> list[str]:
        """Return the commits in the history of `tip` and of none of `known`, newest first.

        With `is_first_parent`, leave out commits that were merged in.

        Those of `known` that are not in the repository do not count.

        Raises:
            GitFailed: `tip` is not a commit.
        """
        flags = [*([] if merges else ["--no-merges"]), *([f"--max-count={most}"] if most else [])]
        flags += ["--first-parent"] if is_first_parent else []
        exclusions = "".join(f"^{commit}\n" for commit in known)
        text = f"{tip}\n{exclusions}".encode()
        return self.git.run("rev-list", "--ignore-missing", *flags, "--stdin", input=text).lines

    def made_on_the_way(self, tip: str, known: Iterable[str]) -> list[str]:
        """Return the first-parent commits of `tip` beyond `known`: those merged in do not count.

        Raises:
            GitFailed: `tip` is not a commit.
        """
        text = "".join([f"{tip}\n", *(f"^{commit}\n" for commit in known)]).encode()
        flags = ("--ignore-missing", "--first-parent")
        return self.git.run("rev-list", *flags, "--stdin", input=text).lines

    def independent(self, commits: Iterable[str]) -> list[str]:
        """Return the commits that no other one of them contains, each once, in order.

        Raises:
            GitFailed: one of them is not a commit.
        """
        return independent(self.git, commits)


def is_ancestor(git: Git, a: str, b: str) -> bool:
    """Return whether commit `a` is `b` or in its history; as `Repository.is_ancestor`."""
    args = ("merge-base", "--is-ancestor", a, b)
    found = git.run(*args, check=False)
    if found.returncode not in (0, 1):
        raise GitFailed(args, returncode=found.returncode, stderr=found.stderr)
    return found.returncode == 0


def independent(git: Git, commits: Iterable[str]) -> list[str]:
    """Return the commits that no other one contains; as `Repository.independent`."""
    unique = list(dict.fromkeys(commits))
    if len(unique) <= 1:
        return unique
    tops = set(git.run("merge-base", "--independent", *unique).lines)
    return [commit for commit in unique if commit in tops]


def _commit(git: Git, name: str) -> str | None:
    found = git.run("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}", check=False)
    return os.fsdecode(found.stdout).strip() or None


def _refuse_damage(git: Git, ref: str) -> None:
    """Refuse a ref that cannot be read, which is not the same as a missing one."""
    found = _listed(git, [ref]).get(ref)
    if found:
        raise _damaged(ref, f"names a {found.kind}, not a commit")


def _own_tip(git: Git, ref: str, found: _Ref | None) -> Tip | None:
    if found is None:
        # A symbolic ref to a missing ref is not listed.
        named = git.run("symbolic-ref", "--quiet", ref, check=False).lines
        found = _Ref(symref=named[0]) if named else None
    if found is None:
        return None
    if found.symref:
        raise _damaged(ref, f"is a symbolic ref to {found.symref}, not a branch of its own")
    if found.kind != "commit":
        raise _damaged(ref, f"names a {found.kind}, not a commit")
    return Tip(commit=found.oid, made_at=_date(found.date))


def _date(seconds: str) -> datetime | None:
    """Return the date; None where it is not valid, since a commit may hold any number."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _listed(git: Git, refs: Sequence[str]) -> dict[str, _Ref]:
    """Return those of the refs that exist, by name."""
    if not refs:
        return {}  # Git would list every ref.
    answer = git.run("for-each-ref", f"--format={_REF_FORMAT}", *refs)
    for line in answer.stderr.splitlines():
        damaged = next((ref for ref in refs if ref in line.split(" ")), None)
        if damaged:
            raise _damaged(damaged, f"cannot be read: {line}")
    fields = (line.split(" ") for line in answer.lines)
    return {name: _Ref(*rest) for name, *rest in fields if name in refs}


def _damaged(ref: str, what: str) -> GitFailed:
    return GitFailed(("for-each-ref", ref), returncode=-1, stderr=f"{ref} {what}")


def _paths(git: Git) -> tuple[Path, Path, Path]:
    answer = os.fsdecode(git.run("rev-parse", "--path-format=absolute", *_PATHS).stdout)
    lines = answer.splitlines()
    if len(lines) != len(_PATHS):
        # A path contains a newline: ask for each path separately.
        asked = (git.run("rev-parse", "--path-format=absolute", it) for it in _PATHS)
        lines = [os.fsdecode(it.stdout).removesuffix("\n") for it in asked]
    top, git_dir, common = map(Path, lines)
    return top, git_dir, common


def _main_checkout(common: Path) -> Path:
    if common.name == ".git":
        return common.parent
    named = Git(folder=common).run("config", "--null", "--get", "core.worktree", check=False).fields
    if not named:
        raise GitFailed(("rev-parse",), returncode=-1, stderr=f"{common} has no main checkout")
    return (common / named[0]).resolve()


def _looks_like_one(folder: Path) -> bool:
    link = folder / ".git"
    bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir()
    return bare or link.is_file() or any((link / it).exists() for it in ("HEAD", "objects"))
