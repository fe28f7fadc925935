"""Merge strategies: lanes merged, squashed or rebased onto the target, in objects alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from specify_cli.core.merge_paths import shown
from specify_cli.vcs.commit_replay import commits_to_replay, replay
from specify_cli.vcs.errors import NotReplayed
from specify_cli.vcs.git import Git
from specify_cli.vcs.merge_result import MergeResult, PreservedFiles
from specify_cli.vcs.objects import merge_trees, overlay, tree_changes, tree_of, write_commit

MOST_TOLD: Final = 10
"""The most paths and merge commits that the refusal of a rebase names."""

_MOST_JUDGED: Final = 100
"""The most merge commits, newest first, that are merged again to see what they changed themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneTip:
    """The commit of an execution lane that is to be merged."""

    lane_id: str
    branch: str
    commit: str


Strategy = Callable[[MergeResult, Sequence[LaneTip], str], MergeResult]


def with_note(message: str, note: str) -> str:
    """Add the note to the end of the first line of a commit message."""
    subject, newline, rest = message.partition("\n")
    return f"{subject} ({note}){newline}{rest}"


def merge(head: MergeResult, tips: Sequence[LaneTip], message: str) -> MergeResult:
    """Make one merge commit for each lane that the target does not contain yet.

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
        # A lane without a net change may have reverted what the next one builds on.
        parents = (seen, tip.commit)
        seen = write_commit(git, tree=head.tree, parents=parents, message="stand-in")
    return head


def squash(head: MergeResult, tips: Sequence[LaneTip], message: str) -> MergeResult:
    """Make one commit with everything that the lanes add.

    Raises:
        MergeConflict: a lane conflicts with the target or an earlier lane.
        GitFailed: git refused.
    """
    merged = merge(head, tips, message)
    last = replace(merged, commit=head.commit)
    return last if last.tree == head.tree else last.joined(last.tree, message=message)


def rebase(head: MergeResult, tips: Sequence[LaneTip], message: str) -> MergeResult:
    """Replay the lanes' own commits in one line, keeping authors, without merges and empty commits.

    None of these commits has a change of the host's files: each keeps them as the target has them.

    Raises:
        MergeConflict: a commit does not apply.
        NotReplayed: a commit is too large to be written anew, or has no author; or the result is
            not that of a merge.
        GitFailed: git refused.
    """
    begun, base, replayed = head, head.commit, list[str]()
    head = _keeping_host_files(head)
    for tip in tips:
        for picked in commits_to_replay(head.git, f"{base}...{tip.commit}", replayed):
            head = replay(head, picked)
        replayed.append(tip.commit)
    _require_all_work(begun, tips, head)
    left_out = head.left_out - begun.ours.keys()
    return replace(head, ours=begun.ours, kept=begun.kept, left_out=left_out)


STRATEGIES: Final[Mapping[str, Strategy]] = {"merge": merge, "squash": squash, "rebase": rebase}


def _keeping_host_files(head: MergeResult) -> MergeResult:
    changes = tree_changes(head.git, head.tree, overlay(head.git, head.tree, head.ours))
    ours = {**head.ours, **{path: before for path, (before, _) in changes.items()}}
    is_kept = head.kept.is_kept if head.kept else ours.__contains__
    kept = PreservedFiles(start=head.commit, is_kept=lambda it: it in ours or is_kept(it))
    return replace(head, ours=ours, kept=kept)


def _require_all_work(begun: MergeResult, tips: Sequence[LaneTip], rebased: MergeResult) -> None:
    """Refuse a rebase whose files differ from those of a merge.

    A rebase leaves out merge commits, including changes made in them, and commits that the target
    has equivalents of, even reverted ones. A file in which the merge conflicts cannot be compared:
    there the rebase passes where no merge commit has changes of its own.
    """
    git, merged, conflicts = begun.git, begun, set[str]()
    for tip in tips:
        # Merging a lane that is merged already changes nothing.
        merged, paths = merged.marked_with(merged.commit, tip.commit, "--allow-unrelated-histories")
        conflicts.update(paths)
        merged = merged.joined(merged.tree, tip.commit, message="stand-in")
    lost = tree_changes(git, merged.tree, rebased.tree).keys() - conflicts - begun.ours.keys()
    if not (lost or conflicts):
        return
    named = ", ".join(map(shown, sorted(lost or conflicts)[:MOST_TOLD]))
    merges = _merges_in(git, [it.commit for it in tips], [begun.commit])
    if not lost and len(merges) > _MOST_JUDGED:
        raise NotReplayed(
            f"a rebase leaves out more than {_MOST_JUDGED} merge commits, and may lose work in {named}"
        )
    own = list(islice(_changed_themselves(git, merges[:_MOST_JUDGED]), MOST_TOLD))
    if lost or own:
        whose = f"; it leaves out what the merge commits {', '.join(own)} changed" if own else ""
        raise NotReplayed(f"a rebase would lose or undo work in {named}{whose}")


def merges_with_changes(git: Git, tip: str, known: Sequence[str]) -> list[str]:
    """Return the merge commits beyond `known` that have changes of their own.

    Those that are too many to be judged count as such.

    Raises:
        GitFailed: git refused.
    """
    merges = _merges_in(git, [tip], known)
    if len(merges) > _MOST_JUDGED:
        return [oid for oid, *_ in merges]
    return list(_changed_themselves(git, merges))


def _merges_in(git: Git, commits: Sequence[str], known: Sequence[str]) -> list[list[str]]:
    """Return the newest merge commits beyond `known` with their parents, one more than are judged."""
    flags = ("--min-parents=2", "--parents", f"--max-count={_MOST_JUDGED + 1}")
    text = "".join([*(f"{it}\n" for it in commits), *(f"^{it}\n" for it in known)]).encode()
    lines = git.run("rev-list", *flags, "--stdin", input=text).lines
    return [line.split(" ") for line in lines]


def _changed_themselves(git: Git, merges: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the merge commits whose files are not those of a merge of their parents."""
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
