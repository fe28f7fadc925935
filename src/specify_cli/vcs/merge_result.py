"""Build the result of merging lanes, in objects alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from specify_cli.vcs.errors import MergeConflict
from specify_cli.vcs.git import Git
from specify_cli.vcs.objects import Entry, merge_trees, overlay, tree_changes, tree_of, write_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class PreservedFiles:
    """The files that a result keeps as the commit `start` has them, whatever the lanes change."""

    start: str
    is_kept: Callable[[str], bool]

    def changed_in(self, git: Git, tree: str) -> dict[str, Entry | None]:
        """Return the preserved files that differ in a tree, with their preserved entries.

        Raises:
            GitFailed: it is not a tree.
        """
        found = tree_changes(git, self.start, tree).items()
        return {path: before for path, (before, _) in found if self.is_kept(path)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeResult:
    """The result so far; `ours` wins conflicts, because only the host writes those paths.

    `left_out` are the files that the lanes change and the result keeps.
    """

    git: Git
    commit: str
    tree: str
    ours: Mapping[str, Entry | None]
    kept: PreservedFiles | None = None
    left_out: frozenset[str] = frozenset()

    @classmethod
    def at(
        cls,
        git: Git,
        commit: str,
        ours: Mapping[str, Entry | None],
        *,
        is_kept: Callable[[str], bool] | None = None,
    ) -> MergeResult:
        """Return the result that has only begun, at a commit.

        Raises:
            GitFailed: it is not a commit.
        """
        kept = PreservedFiles(start=commit, is_kept=is_kept) if is_kept else None
        return cls(git=git, commit=commit, tree=tree_of(git, commit), ours=ours, kept=kept)

    def merged_with(self, ours: str, theirs: str, *flags: str) -> MergeResult:
        """Return this result with the tree of the merge of two commits.

        Raises:
            MergeConflict: paths that are neither the host's own nor preserved are in conflict.
            GitFailed: git refused.
        """
        merged, conflicts = self.marked_with(ours, theirs, *flags)
        if conflicts:
            raise MergeConflict(conflicts)
        return merged

    def marked_with(self, ours: str, theirs: str, *flags: str) -> tuple[MergeResult, list[str]]:
        """Return the result as `merged_with` does, and the paths in conflict, marked in its tree.

        Raises:
            GitFailed: git refused.
        """
        tree, paths = merge_trees(self.git, ours, theirs, *flags)
        kept = self.kept.changed_in(self.git, tree) if self.kept else {}
        conflicts = [path for path in paths if path not in self.ours and path not in kept]
        own = {path: self.ours[path] for path in paths if path in self.ours}
        if own or kept:
            tree = overlay(self.git, tree, {**kept, **own})
        return replace(self, tree=tree, left_out=self.left_out | kept.keys()), conflicts

    def joined(self, tree: str, *others: str, message: str) -> MergeResult:
        """Return the result one commit further, a merge of `others` where there are any.

        Raises:
            GitFailed: git refused.
        """
        parents = (self.commit, *others)
        commit = write_commit(self.git, tree=tree, parents=parents, message=message)
        return replace(self, commit=commit, tree=tree)
