"""Find out whether a branch has the work of a commit, however it got there."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final

from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.objects import merge_trees, tree_changes
from specify_cli.vcs.repository import Repository

MOST_COMPARED: Final = 300
"""The newest commits of a branch that are compared with the work."""


def commit_with_work(
    repo: Repository, commit: str, *, tip: str, is_ignored: Callable[[str], bool]
) -> str | None:
    """Return a commit of the branch at `tip` that has the work of `commit`; None where it has none.

    That is `commit` itself; or a commit, of a squash or a rebase merge say, into which merging it would
    change nothing but paths that `is_ignored` accepts. Later changes of the branch do not count.

    Raises:
        GitFailed: one of them is not a commit.
    """
    bases = repo.git.run("merge-base", commit, tip, check=False).lines
    if bases[:1] == [commit]:
        return commit
    changed = tree_changes(repo.git, bases[0], commit) if bases else {}
    paths = [path for path in changed if not is_ignored(path)]
    if not paths:
        return tip if bases else None
    # Only commits that change one of these paths differ in them.
    text = "\n".join([tip, f"^{commit}", "--", *_for_lines(paths), ""])
    flags = ("--first-parent", f"--max-count={MOST_COMPARED}", "--stdin")
    beyond = repo.git.run("rev-list", *flags, input=os.fsencode(text)).lines
    return next((it for it in beyond if _has_work(repo, commit, it, is_ignored=is_ignored)), None)


def _for_lines(paths: Sequence[str]) -> Sequence[str]:
    """Return the paths; for one with a newline, which git cannot read from a line, the folder above; none for all."""
    found = [it.partition("\n")[0].rpartition("/")[0] if "\n" in it else it for it in paths]
    return found if all(found) else ()


def _has_work(
    repo: Repository, commit: str, other: str, *, is_ignored: Callable[[str], bool]
) -> bool:
    try:
        tree, conflicts = merge_trees(repo.git, other, commit)
    except GitFailed:  # They do not have a common history.
        return False
    changed = {*conflicts, *tree_changes(repo.git, f"{other}^{{tree}}", tree)}
    return all(map(is_ignored, changed))
