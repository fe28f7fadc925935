"""What the target becomes: lanes merged, squashed or replayed, in objects alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from specify_cli.core.merge_paths import shown
from specify_cli.vcs.git import Git
from specify_cli.vcs.objects import (
    Entry,
    MergeConflict,
    merge_trees,
    overlay,
    read_objects,
    tree_changes,
    tree_of,
    write_commit,
)

MOST_COMMIT_BYTES: Final = 1024 * 1024
"""A commit that is replayed is written anew with its message; those of people have a few hundred bytes."""

MOST_TOLD: Final = 10
"""Paths and merge commits that a refusal of a rebase names."""

_MOST_JUDGED: Final = 100
"""Merge commits that are merged again to see what they changed themselves, the newest first."""


class NotReplayed(Exception):
    """A rebase cannot write a commit anew, or would lose work. Nothing has moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneTip:
    """The commit of an execution lane that is to be merged."""

    lane_id: str
    branch: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreservedFiles:
    """The files that a result has as the commit `start` has them, whatever the lanes change there."""

    start: str
    is_kept: Callable[[str], bool]

    def changed_in(self, git: Git, tree: str) -> dict[str, Entry | None]:
        """The kept files that a tree has otherwise, and what they are to be.

        Raises:
            GitFailed: it is not a tree.
        """
        found = tree_changes(git, self.start, tree).items()
        return {path: before for path, (before, _) in found if self.is_kept(path)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeResult:
    """How far the result has got; `ours` wins conflicts, as the host alone writes those paths.

    `left_out` are the files that the lanes change and the result keeps.
    """

    git: Git
    commit: str
    tree: str
    ours: Mapping[str, Entry]
    kept: PreservedFiles | None = None
    left_out: frozenset[str] = frozenset()

    @classmethod
    def at(
        cls,
        git: Git,
        commit: str,
        ours: Mapping[str, Entry],
        *,
        is_kept: Callable[[str], bool] | None = None,
    ) -> MergeResult:
        """A result that has only begun.

        Raises:
            GitFailed: it is no commit.
        """
        kept = PreservedFiles(start=commit, is_kept=is_kept) if is_kept else None
        return cls(git=git, commit=commit, tree=tree_of(git, commit), ours=ours, kept=kept)

    def merged_with(self, ours: str, theirs: str, *flags: str) -> MergeResult:
        """This head with the tree of the merge of two commits.

        Raises:
            MergeConflict: paths that are not the host's own, nor kept, are in conflict.
            GitFailed: git refused.
        """
        merged, conflicts = self.marked_with(ours, theirs, *flags)
        if conflicts:
            raise MergeConflict(conflicts)
        return merged

    def marked_with(self, ours: str, theirs: str, *flags: str) -> tuple[MergeResult, list[str]]:
        """As `merged_with`, and the paths in conflict, which are marked in that tree.

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
        """One commit further, a merge of `others` where there are any.

        Raises:
            GitFailed: git refused.
        """
        parents = (self.commit, *others)
        commit = write_commit(self.git, tree=tree, parents=parents, message=message)
        return replace(self, commit=commit, tree=tree)


Strategy = Callable[[MergeResult, Sequence[LaneTip], str], MergeResult]


def with_note(message: str, note: str) -> str:
    """The message of a commit with the note at the end of its first line."""
    subject, newline, rest = message.partition("\n")
    return f"{subject} ({note}){newline}{rest}"


def merge(head: MergeResult, tips: Sequence[LaneTip], message: str) -> MergeResult:
    """One merge commit for each lane that the target does not hold yet.

    Raises:
        MergeConflict: a lane conflicts with the target or an earlier lane.
        GitFailed: git refused.
    """
    git, seen = head.git, head.commit
    for tip in tips:
        if git.text("rev-list", "--count", "--max-count=1", tip.commit, f"^{seen}") == "0":
            continue
        before, head = head.tree, head.merged_with(seen, tip.commit)
        if head.tree != before:
            head = head.joined(head.tree, tip.commit, message=with_note(message, tip.lane_id))
        # A lane that changes nothing in the end may have taken back what the next one builds on.
        parents = (seen, tip.commit)
        seen = write_commit(git, tree=head.tree, parents=parents, message="stand-in")
    return head


def squash(head: MergeResult, tips: Sequence[LaneTip], message: str) -> MergeResult:
    """One commit with everything the lanes add.

    Raises:
        MergeConflict: a lane conflicts with the target or an earlier lane.
        GitFailed: git refused.
    """
    merged = merge(head, tips, message)
    last = replace(merged, commit=head.commit)
    return last if last.tree == head.tree else last.joined(last.tree, message=message)


def rebase(head: MergeResult, tips: Sequence[LaneTip], message: str) -> MergeResult:
    """The lanes' own commits in one line, authors kept, without merges and empty ones.

    Raises:
        MergeConflict: a commit does not apply.
        NotReplayed: a commit is too large to be written anew, or has no author; or the result is
            not that of a merge.
        GitFailed: git refused.
    """
    begun, base, replayed = head, head.commit, list[str]()
    for tip in tips:
        for picked in _to_replay(head.git, f"{base}...{tip.commit}", replayed):
            head = _replay(head, picked)
        replayed.append(tip.commit)
    _require_all_work(begun, tips, head)
    return head


STRATEGIES: Final[Mapping[str, Strategy]] = {"merge": merge, "squash": squash, "rebase": rebase}


def _require_all_work(begun: MergeResult, tips: Sequence[LaneTip], rebased: MergeResult) -> None:
    """Pass where the rebase has the files of a merge.

    It leaves out merge commits, with what they changed themselves, and commits whose like the target
    has had, even where that was taken back. A file in which a merge conflicts can be compared with
    nothing: there it passes where no merge commit changed anything itself.
    """
    git, merged, conflicts = begun.git, begun, set[str]()
    for tip in tips:
        # A merge of what is merged already changes nothing.
        merged, paths = merged.marked_with(merged.commit, tip.commit, "--allow-unrelated-histories")
        conflicts.update(paths)
        merged = merged.joined(merged.tree, tip.commit, message="stand-in")
    lost = tree_changes(git, merged.tree, rebased.tree).keys() - conflicts - begun.ours.keys()
    if not (lost or conflicts):
        return
    named = ", ".join(map(shown, sorted(lost or conflicts)[:MOST_TOLD]))
    merges = _merges_in(git, begun, tips)
    if not lost and len(merges) > _MOST_JUDGED:
        raise NotReplayed(
            f"a rebase leaves out more than {_MOST_JUDGED} merge commits, and may lose work in {named}"
        )
    own = list(islice(_changed_themselves(git, merges[:_MOST_JUDGED]), MOST_TOLD))
    if lost or own:
        whose = f"; it leaves out what the merge commits {', '.join(own)} changed" if own else ""
        raise NotReplayed(f"a rebase would lose or undo work in {named}{whose}")


def _merges_in(git: Git, begun: MergeResult, tips: Sequence[LaneTip]) -> list[list[str]]:
    """The newest merge commits of the lanes, with their parents; one more than are judged."""
    flags = ("--min-parents=2", "--parents", f"--max-count={_MOST_JUDGED + 1}")
    commits = [tip.commit for tip in tips]
    lines = git.run("rev-list", *flags, *commits, f"^{begun.commit}", "--").lines
    return [line.split(" ") for line in lines]


def _changed_themselves(git: Git, merges: Sequence[Sequence[str]]) -> Iterator[str]:
    """Those of the merge commits whose files are not those of a merge of their parents."""
    for oid, first, *others in merges:
        merged = first
        for other in others:
            tree, conflicts = merge_trees(git, merged, other, "--allow-unrelated-histories")
            merged = write_commit(git, tree=tree, parents=(merged, other), message="stand-in")
            if conflicts:
                yield oid
                break
        else:
            if tree_of(git, oid) != tree_of(git, merged):
                yield oid


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picked:
    oid: str
    parents: tuple[str, ...]
    tree: str
    author: bytes
    rest: bytes


def _to_replay(git: Git, span: str, done: Sequence[str]) -> Iterator[_Picked]:
    flags = ("--no-merges", "--topo-order", "--reverse", "--cherry-pick", "--right-only")
    args = ("rev-list", *flags, span, *(f"^{commit}" for commit in done), "--")
    oids = git.run(*args).lines
    objects = read_objects(git, oids, max_bytes=MOST_COMMIT_BYTES)
    for oid, (size, content) in zip(oids, objects, strict=True):
        if content is None:
            raise NotReplayed(f"commit {oid} has {size} bytes, more than {MOST_COMMIT_BYTES}")
        yield _parse(oid, content)


def _parse(oid: str, content: bytes) -> _Picked:
    header, _, message = content.partition(b"\n\n")
    lines = header.split(b"\n")
    values = [line.partition(b" ") for line in lines]
    author = next((line for line in lines if line.startswith(b"author ")), None)
    if author is None:
        raise NotReplayed(f"commit {oid} has no author")
    encoding = b"".join(line + b"\n" for line in lines if line.startswith(b"encoding "))
    return _Picked(
        oid=oid,
        parents=tuple(value.decode() for name, _, value in values if name == b"parent"),
        tree=next(value.decode() for name, _, value in values if name == b"tree"),
        author=author,
        rest=encoding + b"\n" + message,
    )


def _replay(head: MergeResult, picked: _Picked) -> MergeResult:
    is_next = picked.parents == (head.commit,)
    if is_next and not (head.kept and head.kept.changed_in(head.git, picked.tree)):
        return replace(head, commit=picked.oid, tree=picked.tree)
    # A commit with our tree and the picked one's parent makes that parent the base of the merge.
    stand_in = write_commit(head.git, tree=head.tree, parents=picked.parents, message="stand-in")
    flags = () if picked.parents else ("--allow-unrelated-histories",)
    merged = head.merged_with(stand_in, picked.oid, *flags)
    if merged.tree == head.tree:
        return merged
    return replace(merged, commit=_rewrite(head, picked, merged.tree))


def _rewrite(head: MergeResult, picked: _Picked, tree: str) -> str:
    # Written by hand, because only so do author and message keep their bytes in any encoding.
    committer = head.git.text("var", "GIT_COMMITTER_IDENT")
    lines = (
        f"tree {tree}\nparent {head.commit}\n".encode(),
        picked.author + b"\n",
        b"committer " + os.fsencode(committer) + b"\n",
        picked.rest,
    )
    done = head.git.run("hash-object", "-t", "commit", "-w", "--stdin", input=b"".join(lines))
    return os.fsdecode(done.stdout).strip()
