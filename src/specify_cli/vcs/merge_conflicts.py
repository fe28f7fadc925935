"""Find the two sides of each conflict that prevents a merge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from specify_cli.vcs.merge_result import MergeResult
from specify_cli.vcs.merge_strategies import LaneTip
from specify_cli.vcs.objects import write_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneConflict:
    """A conflict of the work at `tip` with that at `other`; None: with the target.

    Attributes:
        tip: The later one, in the order of the merge.
        other: The earlier one.
        paths: The paths in conflict.
    """

    tip: LaneTip
    other: LaneTip | None
    paths: tuple[str, ...]


def conflicts_in(begun: MergeResult, tips: Sequence[LaneTip]) -> Iterator[LaneConflict]:
    """Yield what conflicts where these lanes are merged into `begun`, one after the other.

    A lane that conflicts is left out, so that the conflicts of all others are found, too.

    Raises:
        GitFailed: git refused.
    """
    git, seen, merged = begun.git, begun.commit, list[LaneTip]()
    for tip in tips:
        result, paths = begun.marked_with(seen, tip.commit)
        if paths:
            yield from _sides(begun, tip, merged, paths=paths)
            continue
        merged.append(tip)
        parents = (seen, tip.commit)
        seen = write_commit(git, tree=result.tree, parents=parents, message="stand-in")


def _sides(
    begun: MergeResult, tip: LaneTip, merged: Sequence[LaneTip], *, paths: Sequence[str]
) -> Iterator[LaneConflict]:
    found = False
    for other in (None, *merged):
        commit = other.commit if other else begun.commit
        theirs = begun.marked_with(commit, tip.commit)[1]
        if theirs:
            found = True
            yield LaneConflict(tip=tip, other=other, paths=tuple(theirs))
    if not found:
        # Only the target and the earlier lanes together conflict with it.
        yield LaneConflict(tip=tip, other=None, paths=tuple(paths))
