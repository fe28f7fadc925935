"""The paths that the commits of a merge may change."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final

from specify_cli.core import merge_paths
from specify_cli.core.merge_paths import Changed, shown
from specify_cli.vcs import tree_checks
from specify_cli.vcs.git import Git
from specify_cli.vcs.intake_request import IntakeRefused
from specify_cli.vcs.objects import Change, tree_changes
from specify_cli.vcs.repository import Repository

MOST_NAMED: Final = 20
"""Refused paths that an answer names; the rest are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPath:
    """A change that a merge may not make, and a commit that makes it."""

    path: str
    commit: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPaths:
    """The first refused paths, and the number of all of them."""

    named: tuple[RefusedPath, ...] = ()
    total: int = 0

    def sentences(self) -> list[str]:
        """Return one sentence for each named path, and one for the rest."""
        named = [f"{it.path}: {it.problem} (commit {it.commit})" for it in self.named]
        rest = self.total - len(self.named)
        return [*named, f"and {rest} more paths"] if rest else named

    def as_data(self) -> list[dict[str, str]]:
        """Return the paths in the form that a refusal lists."""
        return [{"path": it.path, "commit": it.commit, "problem": it.problem} for it in self.named]


NOTHING: Final = RefusedPaths()


class PathsRefused(IntakeRefused):
    """The commits of a workspace change paths, compared to the commit `onto`, that they may not change.

    `guard` is the guard that refuses to submit them. `base` is the commit at which the work began.
    No commit since then may contain files of the host, so the advice is to rewrite these commits.
    """

    def __init__(
        self,
        refused: RefusedPaths,
        *,
        guard: str,
        onto: str,
        workspace: Path,
        base: str | None = None,
    ) -> None:
        self.refused = refused
        self.guard = guard
        named = " ".join(shlex.quote(it.path) for it in refused.named[:3])
        undo = f"git restore --source={onto} --staged --worktree -- {named}"
        if base and any(merge_paths.is_in_host_folder(it.path) for it in refused.named):
            undo = f"git reset --soft {base} && {undo}"
        super().__init__(
            f"a merge may not change {'; '.join(refused.sentences())}; undo it in"
            f" {workspace}, for example with '{undo}', and commit; then try again",
            code="bad_content",
            paths=[it.path for it in refused.named],
        )


def folder_in(repository: Repository, root: Path) -> str:
    """Return the path of the project in its repository, with a trailing slash; empty at the top."""
    path = os.path.relpath(os.path.realpath(root), os.path.realpath(repository.root))
    return "" if path == "." or path.startswith("..") else f"{path}/"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The commits to merge for the mission `slug`, compared to the commit `onto`.

    `project` is the path of the project in the repository, as `folder_in` returns it.
    """

    git: Git
    slug: str
    project: str
    tips: Sequence[str]
    onto: str

    def leaves_out(self, path: str) -> bool:
        """Whether a merge keeps the target's version of the path."""
        return merge_paths.is_left_out(path, slug=self.slug, project=self.project)

    @cached_property
    def merged(self) -> list[tuple[str, dict[str, Change]]]:
        """For each tip, the tree of its merge into `onto`, and the changes of that merge.

        Raises:
            GitFailed: git cannot read the commits.
        """
        return [tree_checks.net_changes(self.git, tip, onto=self.onto) for tip in self.tips]

    def refused(self) -> RefusedPaths:
        """Return the changed paths that a merge may not change.

        Raises:
            GitFailed: git cannot read the commits.
        """
        if not self.tips:
            return NOTHING
        malformed = tree_checks.tree_faults(self.git, self.tips, beside=self.onto)
        if malformed:
            # Git itself fails on such trees.
            named = (
                RefusedPath(path=shown(it.path), commit=it.commit, problem=it.problem)
                for it in malformed[:MOST_NAMED]
            )
            return RefusedPaths(named=tuple(named), total=len(malformed))
        found: dict[str, str] = {}
        for tree, changes in self.merged:
            found |= self._misplaced(changes)
            found |= self._double_names(changes, tree, self.onto)
        return self.named(found)

    def refused_result(
        self, changes: Mapping[str, Change], *, before: str, after: str
    ) -> RefusedPaths:
        """Return the paths that the finished merge, the commit `after`, may not change.

        Each tip was checked on its own before. But a rebase drops merge commits and what the target
        already has, and each execution lane changes what the next one is merged into. Content that the
        mission's own target has, or had when the work began, may be merged into another target.

        Raises:
            GitFailed: git cannot read the commits.
        """
        misplaced = self._misplaced(changes)
        if misplaced:
            known = [self.onto, *tree_checks.fork_points(self.git, self.tips, onto=self.onto)]
            differing = [tree_changes(self.git, commit, after).keys() for commit in known]
            misplaced = {
                path: problem
                for path, problem in misplaced.items()
                if changes[path][1] is None or all(path in paths for paths in differing)
            }
        # Two execution lanes may each add one of two such names.
        return self.named(misplaced | self._double_names(changes, after, before))

    def named(self, problems: Mapping[str, str]) -> RefusedPaths:
        """Return the first of these paths, each with a commit that changes it.

        Raises:
            GitFailed: git cannot read the commits.
        """
        named = (
            RefusedPath(
                path=shown(path),
                commit=tree_checks.commit_with(self.git, path, tips=self.tips, beside=self.onto),
                problem=problem,
            )
            for path, problem in islice(problems.items(), MOST_NAMED)
        )
        return RefusedPaths(named=tuple(named), total=len(problems))

    def _misplaced(self, changes: Mapping[str, Change]) -> dict[str, str]:
        found = {}
        for path, (_, after) in changes.items():
            change = Changed(path=path, mode=after.mode if after else None)
            problem = merge_paths.path_fault(change, slug=self.slug, project=self.project)
            if problem:
                found[path] = problem
        return found

    def _double_names(
        self, changes: Mapping[str, Change], after: str, before: str
    ) -> dict[str, str]:
        added = [path for path, (old, new) in changes.items() if new and not old]
        if not added:
            return {}
        names = merge_paths.spellings(added)
        present = merge_paths.spellings(tree_checks.paths_in(self.git, after), names)
        double = {name: found for name, found in present.items() if len(found) > 1}
        known = (
            merge_paths.spellings(tree_checks.paths_in(self.git, before), double) if double else {}
        )
        new = {
            min(all_ - known.get(name, set()), default=""): all_ for name, all_ in double.items()
        }
        return {
            path: f"it differs from {shown(min(all_ - {path}))} only in case or in the encoding of accents"
            for path, all_ in new.items()
            if path
        }
